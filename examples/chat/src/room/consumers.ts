import { JsonWebSocketConsumer, TidewayError, type Authenticated, type Handlers } from 'tideway'
import type { WithSession } from 'tideway/auth'
import type { TaskEvents } from 'tideway/worker'

import type { ChatEvents } from '../chat/consumers.ts'
import type { Report } from '../report/reports.ts'
import { tasks } from '../report/tasks.ts'
import { lastReport } from '../report/threads.ts'
import type { KeptMessage } from './history.ts'
import { groupOf, pageGroupOf } from './names.ts'
import type { People } from './people.ts'
import {
  checkedMessage,
  isText,
  REPORT_COMMAND,
  type ClientMessage,
  type Place,
  type Said,
  type ServerMessage,
} from './protocol.ts'
import { guestNumber, ownerTag, tagOf } from './tags.ts'
import { after, append, before, historyId } from './threads.ts'

/** The number of messages per frame. */
const PAGE = 100
/** The number of messages on entry, and per page of older messages. */
const GLANCE = 50
/** The minimum time between two typing notifications of a client. More frequent ones are dropped. */
const TYPING_EVERY_MS = 1000
/** The close code for a message that violates the protocol. The client does not reconnect. */
const BAD_MESSAGE = 4400

/** The events of a room's group. A `chat.message` of the plain protocol has no number. */
export type RoomEvents = {
  'chat.message': ChatEvents['chat.message'] & Partial<KeptMessage>
  'room.typing': { user: string; guest?: number; owner: string; channel: string }
  'people.changed': object
  'room.gap': object
}

/**
 * The consumer of the page. It is in the same group as `ChatConsumer`, and adds what the plain protocol lacks: history,
 * presence and typing notifications.
 */
export class RoomConsumer
  extends JsonWebSocketConsumer<{ roomName: string }, Authenticated & WithSession>
  implements Handlers<RoomEvents & TaskEvents>
{
  // While the history is read, messages wait here. The newest ones best show what is missing.
  static override readonly overflow = 'drop-oldest'

  readonly #people: People
  #room = ''
  /** The tag of the tab. */
  #author: string | undefined
  /** The tag of the account or of the session. */
  #owner = ''
  /** The number of the last message of the room that was sent to this client. */
  #seen = 0
  #typedAt = -Infinity
  #peopleSent = ''

  constructor(people: People) {
    super()
    this.#people = people
  }

  override async connect() {
    this.#room = this.scope.urlRoute.kwargs.roomName
    await this.accept()
  }

  override async receiveJson(content: unknown) {
    const message = checkedMessage(content)
    if (typeof message === 'string') return this.close(BAD_MESSAGE, message)
    if (message.type === 'ping') return this.#tell({ type: 'pong' })
    if (message.type === 'hello') return this.#hello(message.tab, message.seen)
    if (this.#author === undefined) return this.close(BAD_MESSAGE, 'Say hello first.')
    if (message.type === 'say') return this.#say(this.#author, message)
    if (message.type === 'older') return this.#older(message)
    return this.#typing(this.#author)
  }

  async #hello(tab: string, seen: Place | undefined) {
    if (this.#author !== undefined) return this.close(BAD_MESSAGE, 'Say hello once.')
    this.#author = tagOf(tab)
    this.#owner = ownerTag(this.scope.user, this.scope.session.key)
    // Join the group first, then read the history. A message in between waits in the mailbox, and its number shows whether
    // the history already had it.
    await this.channelLayer.groupAdd(groupOf(this.#room), this.channelName)
    await this.channelLayer.groupAdd(pageGroupOf(this.#room), this.channelName)

    const newest = await before(this.#room, Number.MAX_SAFE_INTEGER, GLANCE)
    const continues = seen?.history === historyId && seen.number <= (newest.at(-1)?.number ?? 0)
    if (continues) {
      this.#seen = seen.number
      const [next] = await after(this.#room, seen.number, 1)
      await this.#tell({ type: 'welcome', history: historyId, continues, hasGap: (next?.previous ?? 0) > seen.number })
      await this.#catchUp()
    } else {
      await this.#tell({ type: 'welcome', history: historyId, continues, hasGap: false })
      this.#seen = newest.at(-1)?.number ?? 0
      await this.#tell({ type: 'said', messages: newest.map((kept) => this.#said(kept)), hasOlder: hasMore(newest) })
    }
    this.#people.watch(this.#room, this.channelName)
    await this.onPeopleChanged()
    const report = await lastReport(this.#room)
    if (report !== undefined) await this.#tell({ type: 'report', state: 'done', ...report })
  }

  override disconnect() {
    this.#people.unwatch(this.#room, this.channelName)
  }

  async #say(author: string, { id, key, message }: ClientMessage & { type: 'say' }) {
    this.#typedAt = -Infinity
    const { username: user } = this.scope.user
    const kept = await append(this.#room, { user, message, author, owner: this.#owner, key })
    // A message that was already stored is broadcast again: the process that stored it may have crashed before the broadcast.
    await this.channelLayer.groupSend(groupOf(this.#room), { type: 'chat.message', ...kept })
    await this.sendJson({ id })
    if (message.trim() === REPORT_COMMAND) await this.#report()
  }

  /** One report at a time per room: a request during a running report joins it. */
  async #report() {
    const [jobId, group] = [`report-${this.#room}`, pageGroupOf(this.#room)]
    try {
      await tasks.report.enqueue({ room: this.#room }, { jobId, notify: { group } })
      await this.#tell({ type: 'report', state: 'waiting' })
    } catch (error) {
      // Redis is down: the report fails, and the room continues.
      if (!(error instanceof TidewayError)) throw error
      await this.#tell({ type: 'report', state: 'failed' })
    }
  }

  onTaskProgress({ progress }: TaskEvents['task.progress']) {
    return this.#tell({ type: 'report', state: 'running', progress: progress as number })
  }

  onTaskDone({ result }: TaskEvents['task.done']) {
    return this.#tell({ type: 'report', state: 'done', ...(result as Report) })
  }

  onTaskFailed() {
    return this.#tell({ type: 'report', state: 'failed' })
  }

  async #older({ id, before: number }: ClientMessage & { type: 'older' }) {
    const found = await before(this.#room, number, GLANCE)
    await this.sendJson({ id, messages: found.map((kept) => this.#said(kept)), hasOlder: hasMore(found) })
  }

  async #typing(author: string) {
    const now = performance.now()
    if (now - this.#typedAt < TYPING_EVERY_MS) return
    this.#typedAt = now
    const { username: user } = this.scope.user
    await this.channelLayer.groupSend(pageGroupOf(this.#room), {
      type: 'room.typing',
      user,
      ...(user === '' && { guest: guestNumber(author) }),
      owner: this.#owner,
      channel: this.channelName,
    })
  }

  onChatMessage(event: RoomEvents['chat.message']) {
    const { number, previous, message, user } = event
    if (number === undefined) {
      // The plain protocol forwards any JSON value as a message.
      if (!isText(message)) return undefined
      return this.#tell({ type: 'said', messages: [{ number: null, at: Date.now(), user, message }] })
    }
    if (number <= this.#seen) return undefined
    // Two processes may broadcast in a different order than they stored, and a layer may lose a message.
    if (previous !== this.#seen) return this.#catchUp()
    this.#seen = number
    return this.#tell({ type: 'said', messages: [this.#said(event as KeptMessage)] })
  }

  onRoomTyping({ user, guest, owner, channel }: RoomEvents['room.typing']) {
    const isOwn = channel === this.channelName || (owner !== '' && owner === this.#owner)
    return isOwn ? undefined : this.#tell({ type: 'typing', user, ...(guest !== undefined && { guest }) })
  }

  /** The layer may have lost messages to this room. The history has them. */
  onRoomGap() {
    return this.#catchUp()
  }

  onPeopleChanged() {
    const people = JSON.stringify({ type: 'people', ...this.#people.in(this.#room) } satisfies ServerMessage)
    if (people === this.#peopleSent) return undefined
    this.#peopleSent = people
    return this.send({ text: people })
  }

  /** Sends the messages that the client has not seen, page by page. */
  async #catchUp() {
    for (;;) {
      const missed = await after(this.#room, this.#seen, PAGE)
      if (missed.length === 0) return
      this.#seen = missed.at(-1)!.number
      await this.#tell({ type: 'said', messages: missed.map((kept) => this.#said(kept)) })
    }
  }

  #said({ number, at, user, message, author, owner, key }: KeptMessage): Said {
    const isOwn = author === this.#author || (owner !== '' && owner === this.#owner)
    return { number, at, user, message, ...(user === '' && { guest: guestNumber(author) }), ...(isOwn && { key }) }
  }

  #tell(message: ServerMessage) {
    return this.sendJson(message)
  }
}

/** Whether the room has messages before the first of these. */
function hasMore(messages: readonly KeptMessage[]): boolean {
  return (messages[0]?.previous ?? 0) > 0 && messages.length === GLANCE
}
