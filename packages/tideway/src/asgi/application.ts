import type { ChannelReceiveEvent, ChannelSendEvent } from './channel-events.ts'
import type { HttpReceiveEvent, HttpSendEvent } from './http-events.ts'
import type { LifespanReceiveEvent, LifespanSendEvent } from './lifespan-events.ts'
import type { Scope } from './scope.ts'
import type { WebSocketSendEvent, WebSocketReceiveEvent } from './websocket-events.ts'

/** The events of each scope type, per direction. */
export interface EventsByScope {
  readonly http: { readonly receive: HttpReceiveEvent; readonly send: HttpSendEvent }
  readonly websocket: { readonly receive: WebSocketReceiveEvent; readonly send: WebSocketSendEvent }
  readonly lifespan: { readonly receive: LifespanReceiveEvent; readonly send: LifespanSendEvent }
  readonly channel: { readonly receive: ChannelReceiveEvent; readonly send: ChannelSendEvent }
}

/** The events that an application with this scope receives. */
export type ReceiveEventOf<S extends Scope> = EventsByScope[S['type']]['receive']

/** The events that an application with this scope may send. */
export type SendEventOf<S extends Scope> = EventsByScope[S['type']]['send']

/**
 * Returns the next event, or a promise of it if none is queued. A burst of events therefore costs no promise per event;
 * `await receive()` reads both. One call at a time.
 */
export type Receive<E> = () => E | Promise<E>

/**
 * Sends an event. Returns `undefined` if the caller may send more, and a promise if it should wait first (backpressure). Throws, or rejects, with a `TidewayError` on an event that is malformed or out of turn.
 */
export type Send<E> = (event: E) => void | Promise<void>

/**
 * The `send` of an application with this scope. For a union of scopes it is a union of functions, one per scope type, and not
 * one function for every event. So an application for any scope is assignable to an application for HTTP.
 */
export type SendOf<S extends Scope> = { [T in Scope['type']]: Send<EventsByScope[T]['send']> }[S['type']]

/**
 * The contract: routers, middleware, consumers and whole sites are applications. The server calls an application once per
 * connection. If it throws or rejects, the server logs the error and ends the connection.
 */
export type Application<S extends Scope = Scope> = (
  scope: S,
  receive: Receive<ReceiveEventOf<S>>,
  send: SendOf<S>,
) => Promise<void>
