// The code of docs/guides/routing.md: a test holds each block of the guide equal to a part of this file.
import {
  authMiddlewareStack,
  channelNameRouter,
  Consumer,
  mount,
  path,
  protocolTypeRouter,
  rePath,
  urlRouter,
  WebSocketConsumer,
  type Application,
  type HttpScope,
  type WebSocketScope,
} from 'tideway'
import { NoRouteError, type Routed } from 'tideway/asgi'

export const seen: unknown[] = []

const web: Application<HttpScope> = () => Promise.resolve()
class ThumbnailConsumer extends Consumer {}

class ChatConsumer extends WebSocketConsumer<{ roomName: string }> {
  override async connect() {
    const { roomName } = this.scope.urlRoute.kwargs // a string
    seen.push(roomName)
    await this.close()
  }
}

class RoomConsumer extends WebSocketConsumer<{ tenant: string; roomId: number }, object> {
  override async connect() {
    seen.push({ ...this.scope.urlRoute.kwargs })
    await this.close()
  }
}

export const websocketRoutes = [
  path('ws/chat/:roomName/', ChatConsumer.asApplication()),
  rePath(/^ws\/(?<roomName>[\p{L}\d]+)\/chat\/$/u, ChatConsumer.asApplication()),
]

export const application = protocolTypeRouter({
  http: web,
  websocket: authMiddlewareStack(urlRouter(websocketRoutes)),
  channel: channelNameRouter({ thumbnails: ThumbnailConsumer.asApplication() }),
})

const rooms = urlRouter([
  path('rooms/<int:roomId>/', RoomConsumer.asApplication()), // asks for tenant, too
])

export const tenants = urlRouter([
  path('t/:tenant/', rooms), // a bare router: a prefix
  mount('admin/:tenant/', authMiddlewareStack(rooms)), // a router behind middleware: say mount
])

const files: Application<WebSocketScope & Routed<{ owner: string }>> = async (scope) => {
  seen.push([scope.urlRoute.kwargs.owner, scope.pathRemaining])
}
export const mounted = urlRouter([mount('files/:owner/', files)])

const notFound: Application<HttpScope | WebSocketScope> = async (scope) => {
  throw new NoRouteError(scope.path, `There is nothing at ${scope.path}.`)
}
export const withFallback = urlRouter([...websocketRoutes, mount('', notFound)])
