/**
 * The parts of an application: the names that most programs import, from all subpaths.
 * @module tideway
 */

export {
  defineApplication,
  lifespanHooks,
  type ApplicationDefinition,
  type DefinedApplication,
  type LifespanHooks,
} from './application/index.ts'
export {
  closeCodes,
  type Application,
  type Authenticated,
  type HttpScope,
  type User,
  type WebSocketScope,
} from './asgi/index.ts'
export {
  authMiddlewareStack,
  InvalidTokenError,
  jwtVerifier,
  storeSessions,
  tokenMiddleware,
  type UserStore,
  type WithSession,
  type WithUser,
} from './auth/index.ts'
export {
  Consumer,
  HttpConsumer,
  JsonWebSocketConsumer,
  StopConsumer,
  WebSocketConsumer,
  type AcceptOptions,
  type DenyOptions,
  type Handlers,
  type StaticHandlers,
  type TextOrBytes,
  type WebSocketConsumerScope,
} from './consumer/index.ts'
export { errorCodes, TidewayError, type ErrorCode } from './errors/index.ts'
export {
  ChannelFullError,
  groupName,
  InMemoryChannelLayer,
  MessageTooLargeError,
  type ChannelLayer,
  type Message,
} from './layer/index.ts'
export { channelNameRouter, mount, path, protocolTypeRouter, rePath, urlRouter } from './routing/index.ts'
export { allowedHostsOriginValidator, originValidator, rateLimit, RateLimitError } from './security/index.ts'
export {
  attach,
  fetchHandler,
  nodeListener,
  serve,
  type Attachment,
  type RunningServer,
  type ServeOptions,
} from './server/index.ts'
