import {
  defineApplication,
  InMemoryChannelLayer,
  JsonWebSocketConsumer,
  originValidator,
  path,
  urlRouter,
} from 'tideway'
import type { FromClient, FromServer } from './messages.ts'

class RoomConsumer extends JsonWebSocketConsumer<{ room: string }, object> {
  #room = ''

  override async connect() {
    this.#room = this.scope.urlRoute.kwargs.room
    await this.accept()
    await this.#tell({ type: 'joined', id: this.channelName })
    await this.channelLayer.groupAdd(this.#room, this.channelName)
  }

  override async receiveJson(content: unknown) {
    const { id, type, message } = (content ?? {}) as Partial<FromClient> & { id?: string }
    if (type !== 'say' || typeof message !== 'string')
      return this.close(4400, 'I take { "type": "say", "message": "…" }.')
    await this.#tell({ type: 'said', message })
    if (id !== undefined) await this.sendJson({ id, number: 1 })
  }

  override async disconnect() {
    await this.#tell({ type: 'left', id: this.channelName })
  }

  static onRoomEvent({ event }: { event: FromServer }) {
    return event
  }

  #tell(event: FromServer) {
    return this.channelLayer.groupSend(this.#room, { type: 'room.event', event }, { except: this.channelName })
  }
}

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  websocket: originValidator(urlRouter([path('rooms/:room/', RoomConsumer.asApplication())]), ['localhost']),
})
