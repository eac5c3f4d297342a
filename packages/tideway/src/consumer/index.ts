export { Consumer, type WithChannelLayers } from './consumer.ts'
export { handlerNameOf, type HandlerName, type Handlers } from './handlers.ts'
export { HttpConsumer, type ResponseInit } from './http-consumer.ts'
export { JsonWebSocketConsumer } from './json-websocket-consumer.ts'
export { AcceptConnection, DenyConnection, StopConsumer } from './signals.ts'
export {
  WebSocketConsumer,
  type AcceptOptions,
  type DenyOptions,
  type TextOrBytes,
  type WebSocketConsumerScope,
} from './websocket-consumer.ts'
