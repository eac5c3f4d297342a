/**
 * Consumers: one instance serves one connection and handles one event at a time.
 * @module tideway/consumer
 */

export type { EventInfo } from './followed-event.ts'
export type { FollowAnswer, FollowOptions, Follows } from './followings.ts'
export { Consumer, type WithChannelLayers } from './consumer.ts'
export { handlerNameOf, type HandlerName, type Handlers, type StaticHandlers } from './handlers.ts'
export type { PresentPeople, WatchesPresence } from './presences.ts'
export { HttpConsumer, type ResponseInit } from './http-consumer.ts'
export { JsonWebSocketConsumer } from './json-websocket-consumer.ts'
export { AcceptConnection, DenyConnection, StopConsumer } from './signals.ts'
export type { TextOrBytes } from './text-or-bytes.ts'
export {
  WebSocketConsumer,
  type AcceptOptions,
  type DenyOptions,
  type WebSocketConsumerScope,
} from './websocket-consumer.ts'
