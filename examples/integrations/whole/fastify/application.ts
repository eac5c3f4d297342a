import fastify from 'fastify'
import {
  allowedHostsOriginValidator,
  authMiddlewareStack,
  defineApplication,
  lifespanHooks,
  nodeListener,
} from 'tideway'
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
const app = fastify()

// curl -X POST -H 'Content-Type: text/plain' -d hello localhost:8000/rooms/lobby
app.post<{ Params: { room: string }; Body: string }>('/rooms/:room', async ({ params, body }, reply) => {
  await layer.groupSend(`room_${params.room}`, { type: 'room.said', text: body })
  return reply.code(202).send()
})

app.get(
  '/',
  async () => "In the console: new WebSocket('/ws/rooms/lobby/').onmessage = ({ data }) => console.log(data)",
)

await app.ready()

export default defineApplication({
  channelLayers: { default: layer },
  http: nodeListener(app.routing),
  lifespan: lifespanHooks({ shutdown: () => app.close() }),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})
