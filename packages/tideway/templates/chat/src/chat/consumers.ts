import { JsonWebSocketConsumer, type Handlers } from 'tideway'
import { isSaid } from './messages.ts'

/** The events of a room's group. `onRoomSaid` handles `room.said`. */
export type RoomEvents = { 'room.said': { who: string; text: string } }

/** The maximum length of a room name. A group name has at most 100 characters. */
const MAX_ROOM = 40

/** One visitor in a room. */
export class RoomConsumer extends JsonWebSocketConsumer<{ room: string }> implements Handlers<RoomEvents> {
  #group = ''

  override async connect() {
    // @if accounts
    // Rejects the handshake with 403.
    if (!this.scope.user.isAuthenticated) return this.close()
    // @end
    const { room } = this.scope.urlRoute.kwargs
    if (room.length > MAX_ROOM) return this.close()
    this.#group = `room_${room}`
    await this.channelLayer.groupAdd(this.#group, this.channelName)
    await this.accept()
  }

  override async receiveJson(content: unknown) {
    // @if guests
    if (!isSaid(content)) return this.sendJson({ error: 'A message has a name and a text.' })
    await this.channelLayer.groupSend(this.#group, { type: 'room.said', who: content.who, text: content.text })
    // @if accounts
    if (!isSaid(content)) return this.sendJson({ error: 'A message has a text.' })
    const who = this.scope.user.username
    await this.channelLayer.groupSend(this.#group, { type: 'room.said', who, text: content.text })
    // @end
  }

  onRoomSaid({ who, text }: RoomEvents['room.said']) {
    return this.sendJson({ who, text })
  }
}
