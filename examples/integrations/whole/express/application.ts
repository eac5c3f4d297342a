import express from 'express'
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
const app = express()

// curl -X POST -H 'Content-Type: text/plain' -d hello localhost:8000/rooms/lobby
app.post('/rooms/:room', express.text(), async (request, response) => {
  await layer.groupSend(`room_${request.params.room}`, { type: 'room.said', text: String(request.body) })
  response.status(202).end()
})

app.get('/', (_request, response) => {
  response.send("In the console: new WebSocket('/ws/rooms/lobby/').onmessage = ({ data }) => console.log(data)")
})

export default defineApplication({
  channelLayers: { default: layer },
  http: nodeListener(app),
  websocket: allowedHostsOriginValidator(authMiddlewareStack(urlRouter(websocketRoutes))),
})
