/**
 * A WebSocket client that reconnects by itself, for browsers and Node.
 * @module @tideway/client
 */

export { connect } from './connect.ts'
export { TidewaySocket } from './tideway-socket.ts'
export type { ClientEvents, ClientOptions, SentMessage, TidewayClient, WithoutId } from './client.ts'
export type { RequestOptions } from './requests.ts'
export { ClientError, type ClientErrorCode } from './errors.ts'
export { describeState, secondsLeft, type ClosedWhy, type ConnectionState, type Transport } from './state.ts'
export type { AttemptContext, ConnectionOptions, ValueOrProvider } from './options.ts'
export { fullJitterMs, type BackoffOptions } from './backoff.ts'
export type { CloseCodes } from './close-policy.ts'
export type { HeartbeatOptions } from './liveness.ts'
export type { SendOutcome, OutboxOptions } from './outbox.ts'
export type { LifecycleTarget } from './environment.ts'
export type { Listener } from './emitter.ts'
export type { WebSocketPayload, WebSocketConstructor, WebSocketLike } from './web-socket-port.ts'
