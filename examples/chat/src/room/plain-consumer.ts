import type { TextOrBytes } from 'tideway'

import { ChatConsumer } from '../chat/consumers.ts'
import { room, text } from './groups.ts'
import { noteVisit } from './open-rooms.ts'
import { ownerTag, tagOf } from './tags.ts'

/** The consumer of the plain protocol, whose messages and people the pages in the room show, too. */
export class PlainConsumer extends ChatConsumer {
  override async connect() {
    await super.connect()
    const { user } = this.scope
    const key = ownerTag(user, undefined) || tagOf(this.channelName)
    await this.enter(this.#room.name, { key, meta: { name: user.username } })
    await noteVisit(this.#room.id)
  }

  override async receive(received: TextOrBytes) {
    await super.receive(received)
    const { message } = JSON.parse(received.text!)
    // The plain protocol forwards any JSON value. The page shows texts.
    const checked = text.safeParse(message)
    if (!checked.success) return
    const said = {
      number: null,
      at: Date.now(),
      user: this.scope.user.username,
      message,
      author: '',
      owner: '',
      key: '',
    }
    await this.#room.publish(this.channelLayer, 'said', said)
  }

  get #room() {
    return room(this.scope.urlRoute.kwargs.roomName)
  }
}
