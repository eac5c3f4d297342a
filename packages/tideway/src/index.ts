export { defineApplication, type ApplicationDefinition, type DefinedApplication } from './application/index.ts'
export {
  anonymousUser,
  closeCodes,
  consoleLogger,
  HeaderList,
  NoRouteError,
  type Application,
  type Authenticated,
  type ChannelScope,
  type HttpScope,
  type LifespanScope,
  type Logger,
  type Receive,
  type ReceiveEventOf,
  type Scope,
  type SendEventOf,
  type SendOf,
  type UrlRoute,
  type User,
  type WebSocketScope,
} from './asgi/index.ts'
export {
  authMiddleware,
  authMiddlewareStack,
  cookieMiddleware,
  deleteCookie,
  getUser,
  login,
  logout,
  MemorySessionStore,
  sessionMiddleware,
  sessionMiddlewareStack,
  setCookie,
  signedCookieSessions,
  storeSessions,
  type Users,
} from './auth/index.ts'
export {
  AcceptConnection,
  Consumer,
  DenyConnection,
  HttpConsumer,
  JsonWebSocketConsumer,
  StopConsumer,
  WebSocketConsumer,
  type HandlerName,
  type Handlers,
  type TextOrBytes,
} from './consumer/index.ts'
export { errorCodes, TidewayError, type ErrorCode } from './errors/index.ts'
export {
  ChannelFullError,
  InMemoryChannelLayer,
  MessageTooLargeError,
  type ChannelLayer,
  type ChannelLayerOptions,
  type Message,
} from './layer/index.ts'
export { channelNameRouter, mount, path, protocolTypeRouter, rePath, urlRouter, type Route } from './routing/index.ts'
export { allowedHostsOriginValidator, originValidator, type AllowedHostsOptions } from './security/index.ts'
export {
  attach,
  fetchHandler,
  nodeListener,
  serve,
  type AttachOptions,
  type Attachment,
  type RunningServer,
  type ServeOptions,
} from './server/index.ts'
