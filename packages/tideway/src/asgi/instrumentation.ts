import type { IncomingMessage } from 'node:http'
import type { Scope, WebSocketScope } from './scope.ts'

/** The key of the {@link HandlerInstrumentation} in `scope.extensions`. */
export const INSTRUMENTATION_EXTENSION = 'tideway.instrumentation'

/** One call of a consumer's handler. */
export interface HandlerCall {
  /** The name of the consumer's class. */
  readonly consumer: string
  /** `websocket.connect`, `websocket.receive`, `websocket.disconnect`, the type of a message of the channel layer, or the name of an event of a kept group. */
  readonly type: string
  /**
   * The event of the connection, the message of the layer, or an event of a kept group: an object with `type`, `data`, `at`, and the `trace`
   * that `EventTracing` of its publisher has passed.
   */
  readonly event: object
}

/** Callbacks for the handlers of one connection's consumers. */
export interface HandlerInstrumentation {
  /**
   * Runs a handler: calls `run` once and returns its result. An error of `run` is an error of the handler and has to be passed on. A handler runs in the async context in which the application of its connection
   * was called, unless this sets another one. As an async
   * function it makes every handler asynchronous: later events wait.
   */
  handler?(call: HandlerCall, run: () => void | PromiseLike<void>): void | PromiseLike<void>
}

/** Callbacks for one HTTP request. */
export interface RequestInstrumentation extends HandlerInstrumentation {
  /** Runs the application: calls `serve` once, before it returns. Its async context is that of the whole request. */
  run?(serve: () => void): void
  /** The application threw. */
  failed?(error: unknown): void
  /** The request is over. @param status 499 if the client disconnected before the response */
  ended?(status: number): void
}

/** Callbacks for one WebSocket. */
export interface ConnectionInstrumentation extends HandlerInstrumentation {
  /** Runs the application: calls `serve` once, before it returns. */
  run?(serve: () => void): void
  /** The handshake was completed. */
  accepted?(): void
  /** The handshake was answered with this HTTP status instead; {@link ended} follows. */
  refused?(status: number): void
  /** The application threw. A consumer ends only when its `disconnect` has run, so this call may follow {@link ended}. */
  failed?(error: unknown): void
  /** The connection is over: called exactly once. @param code the code of the disconnect event; 1006 without an accept */
  ended?(code: number): void
}

/**
 * Callbacks of a server for tracing, such as spans of OpenTelemetry. All are optional. Except for `handler`, an error of a
 * callback is logged and has no other effect.
 */
export interface Instrumentation {
  /** Called for each request. */
  request?(request: IncomingMessage): RequestInstrumentation | undefined
  /** Called for each handshake that the server itself does not refuse. */
  connection?(scope: WebSocketScope, request: IncomingMessage): ConnectionInstrumentation | undefined
}

/** The instrumentation of the connection's handlers; `undefined` if there is none. */
export function handlerInstrumentationOf(scope: Scope): HandlerInstrumentation | undefined {
  return scope.extensions?.[INSTRUMENTATION_EXTENSION] as HandlerInstrumentation | undefined
}
