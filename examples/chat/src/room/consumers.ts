import type { Authenticated } from 'tideway'
import type { WithSession } from 'tideway/auth'
import { LiveConsumer, request, RequestError, type LiveGroup } from 'tideway/live'
import { z } from 'zod'

import { REPORT_COMMAND, startReport } from '../report/start.ts'
import { lastReport } from '../report/threads.ts'
import { room, text } from './groups.ts'
import { groupOf, roomName } from './names.ts'
import { numbered, ownerTag, tagOf } from './tags.ts'
import { noteVisit } from './open-rooms.ts'
import { append, before } from './threads.ts'

/** The number of messages on entry, and per page of older messages. */
const GLANCE = 50
/** The minimum time between two typing notifications of a client. More frequent ones are dropped. */
const TYPING_EVERY_MS = 1000

const message = text.max(2000).regex(/\S/, 'A message has a text.')
/** A random text that cannot be guessed. `tab` is the secret by which a tab recognizes its messages, `key` names one of them. */
const mark = text.min(16).max(100)

/** The consumer of the page: its rooms are kept groups. Their messages also go to the clients of the plain protocol. */
export class RoomConsumer extends LiveConsumer<{}, Authenticated & WithSession> {
  static override readonly groups = { room }

  #typedAt = -Infinity

  override authorize({ id }: LiveGroup) {
    return roomName(id) === id
  }

  /** A person with a name is one on all devices. A guest without a session is one for each connection. */
  override present() {
    return { key: this.#owner || tagOf(this.channelName), name: this.scope.user.username }
  }

  override async snapshot({ id }: LiveGroup) {
    const newest = await before(id, Number.MAX_SAFE_INTEGER, GLANCE)
    return { messages: newest.map(numbered), report: (await lastReport(id)) ?? null }
  }

  /** Adds the number of a guest to the list of people. It is the one of the tab, which the server does not have at the join. */
  introduce = request(z.object({ room: text, tab: mark }), async ({ room: id, tab }) => {
    const { user, guest } = numbered(this.#author(tab))
    if (guest !== undefined) await this.updatePresence(room(id), { name: user, guest })
  })

  /** The tags by which a page recognizes its own messages, and the number of a guest. */
  whoAmI = request(z.object({ tab: mark }), ({ tab }) => numbered(this.#author(tab)))

  say = request(z.object({ room: text, tab: mark, key: mark, message }), async ({ room: id, tab, key, message }) => {
    if (!(await this.hasJoined(room(id)))) throw new RequestError('forbidden', 'Enter the room first.')
    this.#typedAt = -Infinity
    const kept = await append(id, { ...this.#author(tab), message, key })
    // With the number of the row as its id, the event exists once, although the client repeats the request until it is answered.
    await this.publish(room(id), 'said', numbered(kept), { id: `${kept.number}` })
    await this.channelLayer.groupSend(groupOf(id), { type: 'chat.message', message, user: kept.user })
    return message.trim() === REPORT_COMMAND ? { report: await startReport(id) } : undefined
  })

  older = request(
    z.object({ room: text, before: z.number() }),
    async ({ room: id, before: number }) => (await before(id, number, GLANCE)).map(numbered),
    { concurrent: true },
  )

  typing = request(z.object({ room: text, tab: mark }), async ({ room: id, tab }) => {
    const now = performance.now()
    if (now - this.#typedAt < TYPING_EVERY_MS) return
    this.#typedAt = now
    await this.publish(room(id), 'typing', numbered(this.#author(tab)))
  })

  override onJoin({ id }: LiveGroup) {
    return noteVisit(id)
  }

  get #owner() {
    return ownerTag(this.scope.user, this.scope.session.key)
  }

  #author(tab: string) {
    return { user: this.scope.user.username, author: tagOf(tab), owner: this.#owner }
  }
}
