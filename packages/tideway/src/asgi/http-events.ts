import type { HeadersInit } from './headers.ts'

/** A piece of the request's body. The last one has `moreBody: false`. */
export interface HttpRequestEvent {
  readonly type: 'http.request'
  readonly body: Uint8Array
  readonly moreBody: boolean
}

/** The client disconnected, or the response has been sent. */
export interface HttpDisconnectEvent {
  readonly type: 'http.disconnect'
}

/** The events that an HTTP application receives. */
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

/** Trailing headers (RFC 9110 §6.5), sent only to a client with `TE: trailers`. */
export interface HttpResponseTrailersEvent {
  readonly type: 'http.response.trailers'
  readonly headers: HeadersInit
  /** @default false */
  readonly moreTrailers?: boolean
}

/**
 * Early hints (103, RFC 8297): resources that the client may fetch while the application makes the response. Before the first
 * body event; more than one is allowed. The server does not send them to a client of HTTP/1.0.
 */
export interface HttpEarlyHintEvent {
  readonly type: 'http.response.early_hint'
  /** Values of `Link` (RFC 8288): `</style.css>; rel=preload; as=style`. */
  readonly links: readonly string[]
}

/** The events that an HTTP application may send. */
export type HttpSendEvent =
  | HttpResponseStartEvent
  | HttpResponseBodyEvent
  | HttpResponseTrailersEvent
  | HttpEarlyHintEvent
