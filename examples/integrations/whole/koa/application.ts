import Koa from 'koa'
import { text } from 'node:stream/consumers'
import { allowedHostsOriginValidator, authMiddlewareStack, defineApplication, nodeListener } from 'tideway'
import { InMemoryChannelLayer, JsonWebSocketConsumer, path, urlRouter, type Handlers } from 'tideway'

type RoomEvents = { 'room.said': { text: string } }

class RoomConsumer extends JsonWebSocketConsumer<{ room: string }> implements Handlers<RoomEvents> {
  #group = ''

  override async connect() {
    this.#group = `room_${this.scope.urlRoute.kwargs.room}`
    await this.channelLayer.groupAdd(this.#group, this.channelName)
    await this.accept()
  }

  override async receiveJson(content: unknown) {
    await this.channelLayer.groupSend(this.#group, { type: 'room.said', text: String(content) })
  }

  onRoomSaid({ text }: RoomEvents['room.said']) {
    return this.sendJson(text)
  }
}

const websocketRoutes = [path('ws/rooms/<slug:room>/', RoomConsumer.asApplication())]
const layer = new InMemoryChannelLayer()
const app = new Koa()

app.use(async (context) => {
  const [, room] = /^\/rooms\/(\w+)$/.exec(context.path) ?? []
  if (context.method === 'POST' && room !== undefined) {
    // curl -X POST -d hello localhost:8000/rooms/lobby
    await layer.groupSend(`room_${room}`, { type: 'room.said', text: await text(context.req) })
    context.status = 202
  } else if (context.path === '/') {
    context.body = "In the console: new WebSocket('/ws/rooms/lobby/').onmessage = ({ data }) => console.log(data)"
  }
})

export default defineApplication({
  channelLayers: { default: layer },
  http: nodeListener(app.callback()),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})
