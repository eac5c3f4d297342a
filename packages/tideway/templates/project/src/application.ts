// @if redis
import { channelLayerFromEnvironment } from '@tideway/redis'
// @end
import {
  allowedHostsOriginValidator,
  // @unless token
  authMiddlewareStack,
  // @end
  defineApplication,
  // @unless redis
  InMemoryChannelLayer,
  // @if fastify nestjs
  lifespanHooks,
  // @if live
  path,
  // @if accounts
  rePath,
  // @if token
  tokenMiddleware,
  // @end
  urlRouter,
} from 'tideway'
// @if accounts
import { accountRoutes, credentials } from './accounts/routing.ts'
// @if live
import { ChatConsumer } from './chat/consumers.ts'
// @unless live
import { websocketRoutes } from './chat/routing.ts'
// @unless fastify nestjs
import { http } from './web.ts'
// @if fastify nestjs
import { http, web } from './web.ts'
// @if live

const websocketRoutes = [path('ws/', ChatConsumer.asApplication())]
// @end

export default defineApplication({
  // @if redis
  channelLayers: { default: channelLayerFromEnvironment() },
  // @unless redis
  channelLayers: { default: new InMemoryChannelLayer() },
  // @if guests
  http,
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
  // @if session
  http: authMiddlewareStack(urlRouter([...accountRoutes, rePath('', http)]), credentials),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes), credentials)),
  // @if token
  http: tokenMiddleware(urlRouter([...accountRoutes, rePath('', http)]), credentials),
  websocket: allowedHostsOriginValidator(tokenMiddleware(urlRouter(websocketRoutes), credentials)),
  // @if fastify
  lifespan: lifespanHooks({ shutdown: () => web.close() }),
  // @if nestjs
  lifespan: lifespanHooks({ shutdown: () => web.close() }),
  // @end
})
