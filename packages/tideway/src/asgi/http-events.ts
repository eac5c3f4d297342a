import type { HeadersInit } from './headers.ts'

/** A piece of the request's body. The last one has `moreBody: false`. */
export interface HttpRequestEvent {
  readonly type: 'http.request'
  readonly body: Uint8Array
  readonly moreBody: boolean
}

/** The client went away, or the response has been sent. */
export interface HttpDisconnectEvent {
  readonly type: 'http.disconnect'
}

/** What the server tells an HTTP application. */
export type HttpReceiveEvent = HttpRequestEvent | HttpDisconnectEvent

/** Status and headers. They may be held back until the first body event. */
export interface HttpResponseStartEvent {
  readonly type: 'http.response.start'
  readonly status: number
  readonly headers?: HeadersInit
  /** Whether `http.response.trailers` will follow the last body event. @default false */
  readonly trailers?: boolean
}

/** A piece of the response's body. */
export interface HttpResponseBodyEvent {
  readonly type: 'http.response.body'
  /** @default empty */
  readonly body?: Uint8Array | string
  /** Whether more body events will follow. @default false */
  readonly moreBody?: boolean
}

/** Trailing headers (RFC 9110 §6.5), sent only to a client that said `TE: trailers`. */
export interface HttpResponseTrailersEvent {
  readonly type: 'http.response.trailers'
  readonly headers: HeadersInit
  /** @default false */
  readonly moreTrailers?: boolean
}

/**
 * Early hints (103, RFC 8297): what the client may fetch while the response is being made. Ahead of the first body event; as
 * often as there is something to say. A client of HTTP/1.0 is not sent them.
 */
export interface HttpEarlyHintEvent {
  readonly type: 'http.response.early_hint'
  /** Values of `Link` (RFC 8288): `</style.css>; rel=preload; as=style`. */
  readonly links: readonly string[]
}

/** What an HTTP application tells the server. */
export type HttpSendEvent =
  | HttpResponseStartEvent
  | HttpResponseBodyEvent
  | HttpResponseTrailersEvent
  | HttpEarlyHintEvent
