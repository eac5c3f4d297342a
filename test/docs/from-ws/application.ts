import {
  defineApplication,
  InMemoryChannelLayer,
  JsonWebSocketConsumer,
  originValidator,
  path,
  urlRouter,
} from 'tideway'

class RoomConsumer extends JsonWebSocketConsumer<{ room: string }, object> {
  override async connect() {
    await this.channelLayer.groupAdd(this.scope.urlRoute.kwargs.room, this.channelName)
    await this.accept()
  }

  override async receiveJson(content: unknown) {
    const { message } = content as { message: string }
    await this.channelLayer.groupSend(this.scope.urlRoute.kwargs.room, { type: 'room.message', message })
  }

  static onRoomMessage({ message }: { message: string }) {
    return { message }
  }
}

export default defineApplication({
  channelLayers: { default: new InMemoryChannelLayer() },
  websocket: originValidator(urlRouter([path('ws/chat/:room/', RoomConsumer.asApplication())]), ['localhost']),
})
