import { connectionClosedError } from '../errors/connection-closed.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import type { PresenceDiff, PresenceView, PresenceWatcher } from '../layer/presence/presence-view.ts'
import type { Person } from '../layer/presence/left-people.ts'
import type { Presence, PresenceMember } from '../layer/presence/presence.ts'
import { keptGroupsOf } from './kept-groups-of.ts'
import { MailboxTask } from './mailbox-task.ts'
import type { Recipient } from './static-handler.ts'

/** What a consumer needs to watch who is in kept groups. */
export interface WatchesPresence {
  /** The people of the group have changed. The changes that come while the consumer is busy are passed together. */
  onPresence(group: string, change: PresenceDiff): void | Promise<void>
}

/** The people of a group when a consumer begins to watch it. */
export interface PresentPeople {
  readonly count: number
  /** The metas by keys. Empty if the process holds only the count of a group of this size. */
  readonly people: ReadonlyMap<string, unknown>
}

/** The run of the consumer. */
export interface PresenceRun extends Recipient {
  readonly channelLayer: ChannelLayer
  /** Passes the task to the mailbox, in the async context of the connection. */
  enterTask(task: MailboxTask): void
}

/** One group whose people a consumer watches. The mailbox has at most one of its entries: later changes are added to it. */
class Watching extends MailboxTask implements PresenceWatcher {
  readonly #group: string
  readonly #run: PresenceRun
  view: PresenceView | undefined
  people: PresentPeople | undefined
  #change: PresenceDiff | undefined
  isOver = false

  constructor(group: string, run: PresenceRun) {
    super()
    this.#group = group
    this.#run = run
  }

  onOpen(view: PresenceView): void {
    this.view = view
    this.people = { count: view.count, people: new Map(view.people) }
  }

  onDiff(diff: PresenceDiff): void {
    const waits = this.#change !== undefined
    this.#change = this.#change === undefined ? diff : sumOf(this.#change, diff)
    if (!waits) this.#run.enterTask(this)
  }

  override handle(): void | PromiseLike<void> {
    const change = this.#change!
    this.#change = undefined
    return this.isOver ? undefined : (this.#run.consumer as WatchesPresence).onPresence(this.#group, change)
  }
}

/** The presence of one consumer: where it is a person, and whose people it watches. */
export class Presences {
  readonly #run: PresenceRun
  readonly #name: string
  readonly #members = new Set<PresenceMember>()
  readonly #watchings = new Map<string, Watching>()
  #isClosed = false

  constructor(run: PresenceRun, name: string) {
    this.#run = run
    this.#name = name
  }

  /** @throws TidewayError see `Consumer.enter` */
  async enter(group: string, person: Person): Promise<PresenceMember> {
    if (this.#isClosed) throw connectionClosedError()
    const member = await this.#presence().enter(group, person)
    if (this.#isClosed) {
      member.leave({ isFinal: true })
      throw connectionClosedError()
    }
    this.#members.add(member)
    return member
  }

  /** @throws TidewayError see `Consumer.watchPresence` */
  async watch(group: string): Promise<PresentPeople> {
    if (this.#isClosed) throw connectionClosedError()
    if (typeof (this.#run.consumer as Partial<WatchesPresence>).onPresence !== 'function') throw noHandler(this.#name)
    this.unwatch(group)
    const watching = new Watching(group, this.#run)
    this.#watchings.set(group, watching)
    try {
      await this.#presence().watch(group, watching)
    } catch (error) {
      if (this.#watchings.get(group) === watching) this.#watchings.delete(group)
      throw error
    }
    if (watching.isOver) this.#end(watching)
    if (this.#isClosed) throw connectionClosedError()
    return watching.people!
  }

  unwatch(group: string): void {
    const watching = this.#watchings.get(group)
    if (watching === undefined) return
    this.#watchings.delete(group)
    this.#end(watching)
  }

  /** Ends everything. The people leave after the grace time. */
  close(): void {
    this.#isClosed = true
    for (const group of this.#watchings.keys()) this.unwatch(group)
    for (const member of this.#members) member.leave()
    this.#members.clear()
  }

  #end(watching: Watching): void {
    watching.isOver = true
    if (watching.view !== undefined) this.#presence().unwatch(watching.view, watching)
  }

  #presence(): Presence {
    const { channelLayer } = this.#run
    const { presence } = keptGroupsOf(channelLayer)
    if (presence !== undefined) return presence
    throw new TidewayError('ERR_NO_KEPT_GROUPS', `The event log of a ${channelLayer.constructor.name} has no presence.`)
  }
}

/** Both changes, one after the other. */
function sumOf(first: PresenceDiff, second: PresenceDiff): PresenceDiff {
  const [entered, changed, left] = [new Map(first.in), new Map(first.up), new Set(first.out)]
  for (const [key, meta] of [...second.in, ...second.up]) {
    const isNew = second.in.has(key) || entered.has(key)
    left.delete(key)
    ;(isNew ? entered : changed).set(key, meta)
  }
  for (const key of second.out) {
    changed.delete(key)
    entered.delete(key)
    left.add(key)
  }
  return { in: entered, up: changed, out: left, count: second.count }
}

function noHandler(name: string): TidewayError {
  return new TidewayError(
    'ERR_BAD_OPTION',
    `${name} watches who is in a group and has no onPresence(group, change): add it.`,
  )
}
