/**
 * The contract between servers and applications: scopes, events, headers, close codes.
 * @module tideway/asgi
 */

export type { Application, EventsByScope, Receive, ReceiveEventOf, Send, SendEventOf, SendOf } from './application.ts'
export {
  setTraits,
  traitsOf,
  wrapApplication,
  type ApplicationTraits,
  type LiveConsumerTrait,
  type LiveTarget,
} from './application-traits.ts'
export type { ChannelReceiveEvent, ChannelSendEvent } from './channel-events.ts'
export { closeCodes, isValidCloseCode } from './close-codes.ts'
export { inheritDirectSender } from './direct-sender.ts'
export { extendScope } from './extend-scope.ts'
export { HeaderList, entriesOf, type HeadersInit } from './headers.ts'
export { httpStatusOf } from './http-status.ts'
export type {
  HttpDisconnectEvent,
  HttpEarlyHintEvent,
  HttpReceiveEvent,
  HttpRequestEvent,
  HttpResponseBodyEvent,
  HttpResponseStartEvent,
  HttpResponseTrailersEvent,
  HttpSendEvent,
} from './http-events.ts'
export type {
  ConnectionInstrumentation,
  HandlerCall,
  HandlerInstrumentation,
  Instrumentation,
  RequestInstrumentation,
} from './instrumentation.ts'
export type { LifespanReceiveEvent, LifespanSendEvent } from './lifespan-events.ts'
export { consoleLogger, type Logger } from './logger.ts'
export { NoRouteError } from './no-route-error.ts'
export { redactQuery, redactTarget } from './redact-query.ts'
export {
  asgiVersions,
  type Address,
  type AsgiVersions,
  type BaseScope,
  type ChannelScope,
  type ConnectionScope,
  type HttpScope,
  type LifespanScope,
  type Scope,
  type WebSocketScope,
} from './scope.ts'
export { ServiceUnavailableError } from './service-unavailable-error.ts'
export type { Routed, UrlRoute } from './url-route.ts'
export {
  anonymousUser,
  type AnonymousUser,
  type Authenticated,
  type User,
  type UserOfAuthMiddlewareStack,
} from './user.ts'
export type {
  WebSocketAcceptEvent,
  WebSocketSendEvent,
  WebSocketCloseEvent,
  WebSocketConnectEvent,
  WebSocketDenialBodyEvent,
  WebSocketDenialStartEvent,
  WebSocketDisconnectEvent,
  WebSocketMessageEvent,
  WebSocketMessageSendEvent,
  WebSocketReceiveEvent,
} from './websocket-events.ts'
