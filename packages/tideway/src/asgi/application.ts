import type { ChannelReceiveEvent, ChannelSendEvent } from './channel-events.ts'
import type { HttpReceiveEvent, HttpSendEvent } from './http-events.ts'
import type { LifespanReceiveEvent, LifespanSendEvent } from './lifespan-events.ts'
import type { Scope } from './scope.ts'
import type { WebSocketSendEvent, WebSocketReceiveEvent } from './websocket-events.ts'

/** The events of each scope type, a direction each. */
export interface EventsByScope {
  readonly http: { readonly receive: HttpReceiveEvent; readonly send: HttpSendEvent }
  readonly websocket: { readonly receive: WebSocketReceiveEvent; readonly send: WebSocketSendEvent }
  readonly lifespan: { readonly receive: LifespanReceiveEvent; readonly send: LifespanSendEvent }
  readonly channel: { readonly receive: ChannelReceiveEvent; readonly send: ChannelSendEvent }
}

/** What an application with this scope receives. */
export type ReceiveEventOf<S extends Scope> = EventsByScope[S['type']]['receive']

/** What an application with this scope may send. */
export type SendEventOf<S extends Scope> = EventsByScope[S['type']]['send']

/**
 * Takes the next event. An event that is already there is returned as it is, so that taking a burst costs no
 * promise an event; `await receive()` reads both. One call at a time.
 */
export type Receive<E> = () => E | Promise<E>

/**
 * Sends an event. Returns nothing when it was taken at once, and a promise when the caller should wait before it sends
 * more (backpressure). Throws, or rejects, with a `TidewayError` on an event that is malformed or out of turn.
 */
export type Send<E> = (event: E) => void | Promise<void>

/**
 * The `send` that an application with this scope is given. For a union of scopes it is a union of functions, one a scope
 * type, and not one function that takes every event: so an application for any scope fits where one for HTTP is asked for.
 */
export type SendOf<S extends Scope> = { [T in Scope['type']]: Send<EventsByScope[T]['send']> }[S['type']]

/**
 * The one contract: routers, middleware, consumers and whole sites are applications. Called once a connection; ends
 * when it has nothing more to do. What it throws is reported by the server, which then ends the connection.
 */
export type Application<S extends Scope = Scope> = (
  scope: S,
  receive: Receive<ReceiveEventOf<S>>,
  send: SendOf<S>,
) => Promise<void>
