import { JsonWebSocketConsumer, type Handlers } from 'tideway'

export type RoomEvents = { 'room.said': { text: string } }

export class RoomConsumer extends JsonWebSocketConsumer<{ room: string }> implements Handlers<RoomEvents> {
  override async connect() {
    await this.channelLayer.groupAdd(`room_${this.scope.urlRoute.kwargs.room}`, this.channelName)
    await this.accept()
  }

  override async receiveJson(content: unknown) {
    const { text } = (content ?? {}) as { readonly text?: unknown }
    if (typeof text !== 'string') return this.close(4400, 'a text expected')
    await this.channelLayer.groupSend(`room_${this.scope.urlRoute.kwargs.room}`, { type: 'room.said', text })
  }

  onRoomSaid({ text }: RoomEvents['room.said']) {
    return this.sendJson({ text })
  }
}
