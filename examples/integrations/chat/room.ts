import { JsonWebSocketConsumer, path, type ChannelLayer, type Handlers } from 'tideway'

export type RoomEvents = { 'room.said': { who: string; text: string } }

/** The maximum length of a message. */
const MAX_TEXT = 1000

/** One connection in a room. Its first message names the client's user: `{ youAre: 'ada' }`. */
export class RoomConsumer extends JsonWebSocketConsumer<{ room: string }> implements Handlers<RoomEvents> {
  override async connect() {
    await this.channelLayer.groupAdd(groupOf(this.scope.urlRoute.kwargs.room), this.channelName)
    await this.accept()
    await this.sendJson({ youAre: this.scope.user.username })
  }

  override async receiveJson(content: unknown) {
    const { text } = (content ?? {}) as { readonly text?: unknown }
    if (typeof text !== 'string') return this.close(4400, 'a text expected')
    await say(this.channelLayer, this.scope.urlRoute.kwargs.room, this.scope.user.username, text)
  }

  onRoomSaid({ who, text }: RoomEvents['room.said']) {
    return this.sendJson({ who, text })
  }
}

export const websocketRoutes = [path('ws/rooms/<slug:room>/', RoomConsumer.asApplication())]

/** Broadcasts to a room. Consumers and the routes of the web framework call it. */
export async function say(layer: ChannelLayer, room: string, who: string, text: string): Promise<void> {
  await layer.groupSend(groupOf(room), { type: 'room.said', who: who || 'guest', text: text.slice(0, MAX_TEXT) })
}

function groupOf(room: string): string {
  return `room_${room}`
}
