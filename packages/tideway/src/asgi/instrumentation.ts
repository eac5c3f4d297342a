import type { IncomingMessage } from 'node:http'
import type { Scope, WebSocketScope } from './scope.ts'

/** Where a scope carries its {@link HandlerInstrumentation}, under `scope.extensions`. */
export const INSTRUMENTATION_EXTENSION = 'tideway.instrumentation'

/** One call of a consumer's handler. */
export interface HandlerCall {
  /** The name of the consumer's class. */
  readonly consumer: string
  /** `websocket.connect`, `websocket.receive`, `websocket.disconnect`, or the type of a message of the channel layer. */
  readonly type: string
  /** The event of the connection, or the message of the layer, with what its sender put into it. */
  readonly event: object
}

/** What is told of the handlers of one connection's consumers. */
export interface HandlerInstrumentation {
  /**
   * Runs a handler: calls `run` once, and returns what it returns. What `run` throws, or rejects with, is what the handler
   * threw, and has to be passed on. A handler runs in the async context in which the application of its connection
   * was called, unless this sets another one. As an async
   * function it makes every handler one: what comes meanwhile waits.
   */
  handler?(call: HandlerCall, run: () => void | PromiseLike<void>): void | PromiseLike<void>
}

/** What is told of one HTTP request. */
export interface RequestInstrumentation extends HandlerInstrumentation {
  /** Runs what serves the request: calls `serve` once, before it returns. Its async context is that of the whole request. */
  run?(serve: () => void): void
  /** The application threw. */
  failed?(error: unknown): void
  /** The request is over. @param status 499 when the client went away before there was one */
  ended?(status: number): void
}

/** What is told of one WebSocket. */
export interface ConnectionInstrumentation extends HandlerInstrumentation {
  /** Runs the application: calls `serve` once, before it returns. */
  run?(serve: () => void): void
  /** The handshake was completed. */
  accepted?(): void
  /** The handshake was answered with this HTTP status instead; {@link ended} follows. */
  refused?(status: number): void
  /** The application threw. A consumer ends only when its `disconnect` has run, so this may come behind {@link ended}. */
  failed?(error: unknown): void
  /** The connection is over: called exactly once. @param code as the application is told it; 1006 without an accept */
  ended?(code: number): void
}

/**
 * What a server tells of what it does, while it does it: enough for spans of OpenTelemetry, or anybody else's. Each function
 * may be left out, and one that throws is reported and changes nothing, but for `handler`.
 */
export interface Instrumentation {
  /** A request has come. */
  request?(request: IncomingMessage): RequestInstrumentation | undefined
  /** A handshake that the server itself has not refused has come. */
  connection?(scope: WebSocketScope, request: IncomingMessage): ConnectionInstrumentation | undefined
}

/** Who wants to know of the handlers of a connection; `undefined`: nobody. */
export function handlerInstrumentationOf(scope: Scope): HandlerInstrumentation | undefined {
  return scope.extensions?.[INSTRUMENTATION_EXTENSION] as HandlerInstrumentation | undefined
}
