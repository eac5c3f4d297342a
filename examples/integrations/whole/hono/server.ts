import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import type { Server } from 'node:http'
import { allowedHostsOriginValidator, attach, authMiddlewareStack, defineApplication } from 'tideway'
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
const app = new Hono()

// curl -X POST -d hello localhost:8000/rooms/lobby
app.post('/rooms/:room', async (context) => {
  await layer.groupSend(`room_${context.req.param('room')}`, { type: 'room.said', text: await context.req.text() })
  return context.body(null, 202)
})

app.get('/', (context) =>
  context.text("In the console: new WebSocket('/ws/rooms/lobby/').onmessage = ({ data }) => console.log(data)"),
)

const application = defineApplication({
  channelLayers: { default: layer },
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})

const server = serve({ fetch: app.fetch, port: Number(process.env['PORT'] ?? 8000) }, ({ port }) =>
  console.log(`Listening on http://localhost:${port}`),
)
const attachment = attach(server as Server, application)

async function stop(): Promise<void> {
  // WebSockets do not end by themselves, and the server waits for its connections.
  await attachment.close()
  await layer.close()
  server.close()
}
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void stop())
