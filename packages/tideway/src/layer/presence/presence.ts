import { TidewayError } from '../../errors/tideway-error.ts'
import type { Clock } from '../log/clock.ts'
import { GroupMembers, type LeaveOptions, type MembersContext, type PresenceHandle } from './group-members.ts'
import { LeftPeople, type LeftListener, type Person } from './left-people.ts'
import { PresenceLease } from './presence-lease.ts'
import { MAX_KEY_LENGTH, type ResolvedPresenceOptions } from './presence-options.ts'
import type { DeadProcess, PresenceSnapshot, PresenceStore, PresentPerson } from './presence-store.ts'
import { PresenceView, type PresenceWatcher, type ViewContext } from './presence-view.ts'

/** The statistics of presence in this process. */
export interface PresenceStats {
  /** Connections that are in a group, or whose grace time runs. */
  readonly members: number
  /** Groups with such connections. */
  readonly groups: number
  /** Groups whose people are watched. */
  readonly watched: number
  /** Connections that have entered. */
  readonly entered: number
  /** People who have left, and whose last connection this process has removed. */
  readonly left: number
  /** People who have left, and whose `onLeft` listeners have not returned. */
  readonly waitingLeft: number
  /** Changes that were passed to the watchers of a group. */
  readonly diffs: number
  /** Dead processes whose connections this process has removed. */
  readonly deadProcesses: number
  /** Leases of this process that have ended although it lives: it stood still. */
  readonly lostLeases: number
  /** Beats that the store has not answered. */
  readonly failedBeats: number
}

/** What presence needs of the kept groups of its layer. */
export interface PresenceContext {
  readonly clock: Clock
  readonly follow: ViewContext['follow']
  /** Rejects if the layer is closed or the name is not valid. */
  require(group: string): void
  failed(group: string, error: unknown): void
}

/**
 * Who is in the groups of one layer: the members of this process, and views of groups for its watchers. Members stay present as
 * long as the lease of their process.
 */
export class Presence {
  readonly options: ResolvedPresenceOptions
  readonly #store: PresenceStore
  readonly #context: PresenceContext
  readonly #lease: PresenceLease
  readonly #groups = new Map<string, GroupMembers>()
  readonly #views = new Map<string, PresenceView>()
  readonly #left: LeftPeople
  readonly #counters = { entered: 0, diffs: 0, deadProcesses: 0, lostLeases: 0, failedBeats: 0 }
  readonly #members: MembersContext
  readonly #viewContext: ViewContext
  /** Groups whose members the store may have lost. */
  readonly #toRestore = new Set<string>()
  #memberCount = 0

  constructor(store: PresenceStore, options: ResolvedPresenceOptions, context: PresenceContext) {
    const { clock } = context
    this.options = options
    this.#store = store
    this.#context = context
    this.#left = new LeftPeople({
      store,
      clock,
      failed: context.failed,
      settled: (group) => this.#forgetIfEmpty(group),
    })
    this.#lease = new PresenceLease(store, clock, options, {
      onRenamed: (old) => this.#onRenamed(old),
      onBeat: () => this.#onBeat(),
      onBeatFailed: () => void this.#counters.failedBeats++,
      onDead: (dead) => this.#removeDead(dead),
    })
    const left = this.#left
    this.#members = {
      store,
      clock,
      get keepOptions() {
        return left.keepOptions
      },
      lease: this.#lease,
      graceMs: options.graceMs,
      nextMember: () => ++this.#memberCount,
      entered: (count) => void (this.#counters.entered += count),
      left: (group, process, people) => void left.handle(group, process, people),
      emptied: ({ group }) => this.#forgetIfEmpty(group),
    }
    this.#viewContext = {
      clock,
      diffMs: options.diffMs,
      maxPeople: options.maxPeople,
      who: (group, limit) => this.#who(group, limit),
      follow: context.follow,
      onReset: (group) => this.#restoreSoon([group]),
      flushed: () => void this.#counters.diffs++,
      failed: context.failed,
    }
  }

  /**
   * Enters a connection of a person into the group. Resolves when the person is present. All members with the same key are one
   * person, whose meta is the last one that was entered or updated.
   * @param meta any value that JSON represents
   * @throws TidewayError `ERR_BAD_PRESENCE` for a key or a meta that is too large; `ERR_LAYER_UNAVAILABLE`: the person is not
   *   present, or only for a short time
   */
  async enter(group: string, { key, meta }: Person): Promise<PresenceMember> {
    this.#context.require(group)
    requireKey(key)
    const handle = await this.#membersOf(group).enter(key, this.#encode(meta))
    return new PresenceMember(key, handle, (next) => this.#encode(next))
  }

  /** Reads the people of the group, at most `limit` of them. @throws TidewayError `ERR_LAYER_UNAVAILABLE` */
  async who(group: string, limit: number): Promise<{ readonly count: number; readonly people: readonly Person[] }> {
    this.#context.require(group)
    const { count, people } = await this.#store.who(group, limit)
    return { count, people: people.map(personOf) }
  }

  /** Watches the people of a group, until `unwatch`. Resolves with the view of this process. */
  async watch(group: string, watcher: PresenceWatcher): Promise<PresenceView> {
    this.#context.require(group)
    this.#lease.start()
    let view = this.#views.get(group)
    if (view === undefined) this.#views.set(group, (view = new PresenceView(group, this.#viewContext)))
    try {
      await view.watch(watcher)
      return view
    } catch (error) {
      this.#closeIfIdle(view)
      throw error
    }
  }

  /** Ends `watch`. */
  unwatch(view: PresenceView, watcher: PresenceWatcher): void {
    view.unwatch(watcher)
    this.#closeIfIdle(view)
  }

  /**
   * Adds a listener for people who have left, and returns a function that removes it. One process calls its listeners for each
   * person who leaves: the one that has removed the last member. A listener that throws or rejects is called again after each beat,
   * for 24 hours. If the process ends before its listeners have returned, another one calls its own, with the same `id`.
   */
  onLeft(listener: LeftListener): () => void {
    this.#lease.start()
    return this.#left.listen(listener)
  }

  /** The statistics of this process. */
  stats(): PresenceStats {
    let members = 0
    this.#each(({ size }) => (members += size))
    return {
      ...this.#counters,
      left: this.#left.total,
      waitingLeft: this.#left.count,
      members,
      groups: this.#groups.size,
      watched: this.#views.size,
    }
  }

  /** The engine may have lost data. */
  onGap(): void {
    this.#restoreSoon(this.#groups.keys())
  }

  /** Ends all views. The members of this process stay for the grace time, because they may return to another process. */
  async close(): Promise<void> {
    for (const view of this.#views.values()) view.close()
    this.#views.clear()
    this.#each((members) => members.close())
    this.#groups.clear()
    await this.#lease.close()
  }

  /** Restores the members after a beat, which finds whether the process still has its name. */
  #restoreSoon(groups: Iterable<string>): void {
    for (const group of groups) this.#toRestore.add(group)
    this.#lease.check()
  }

  #onRenamed(old: string): void {
    this.#counters.lostLeases++
    this.#left.forget(old)
    this.#each((members) => members.enterAgain())
  }

  #onBeat(): void {
    for (const group of this.#toRestore) this.#groups.get(group)?.restore()
    this.#toRestore.clear()
    this.#each((members) => members.retry())
    this.#left.retry()
  }

  async #who(group: string, limit: number): Promise<PresenceSnapshot> {
    const snapshot = await this.#store.who(group, limit)
    this.#lease.suspect(group, snapshot.processes)
    return snapshot
  }

  async #removeDead({ process, groups }: DeadProcess): Promise<boolean> {
    let areSettled = true
    for (const group of groups) {
      for (let goesOn = true; goesOn;) {
        const leaving = this.#store.leave(group, process, undefined, this.#left.keepOptions)
        const { left, hasMore, hasKept } = await leaving
        const isSettled = await this.#left.handle(group, process, left)
        areSettled &&= isSettled
        // People whose listeners throw do not keep others in the group.
        goesOn = hasMore || (hasKept && isSettled)
      }
    }
    if (areSettled) this.#counters.deadProcesses++
    return areSettled
  }

  #membersOf(group: string): GroupMembers {
    let members = this.#groups.get(group)
    if (members === undefined) this.#groups.set(group, (members = new GroupMembers(group, this.#members)))
    return members
  }

  /** The process stays announced for a group while people who have left it wait. */
  #forgetIfEmpty(group: string): void {
    if (this.#groups.get(group)?.isEmpty !== true || this.#left.isWaiting(group)) return
    this.#groups.delete(group)
    this.#lease.forget(group)
  }

  #closeIfIdle(view: PresenceView): void {
    if (!view.isIdle) return
    if (this.#views.get(view.group) === view) this.#views.delete(view.group)
    view.close()
  }

  #each(call: (members: GroupMembers) => void): void {
    for (const members of this.#groups.values()) call(members)
  }

  #encode(meta: unknown): string {
    const text = JSON.stringify(meta ?? null)
    const { maxMetaBytes } = this.options
    if (Buffer.byteLength(text) <= maxMetaBytes) return text
    throw new TidewayError('ERR_BAD_PRESENCE', `The meta of a person must be at most ${maxMetaBytes} bytes as JSON.`)
  }
}

/** The presence of one connection in one group. */
export class PresenceMember {
  readonly key: string
  readonly #handle: PresenceHandle
  readonly #encode: (meta: unknown) => string

  /** @internal */
  constructor(key: string, handle: PresenceHandle, encode: (meta: unknown) => string) {
    this.key = key
    this.#handle = handle
    this.#encode = encode
  }

  /** Changes the meta of the person, for all its members. @throws as {@link Presence.enter} */
  async update(meta: unknown): Promise<void> {
    await this.#handle.update(this.#encode(meta))
  }

  /** Ends the presence of the connection: after the grace time, or as the options say. */
  leave(options?: LeaveOptions): void {
    this.#handle.leave(options)
  }
}

function requireKey(key: unknown): void {
  const isKey = typeof key === 'string' && key.length > 0 && key.length <= MAX_KEY_LENGTH
  // Half a surrogate pair would become another character in UTF-8.
  if (isKey && Buffer.from(key).toString() === key) return
  throw new TidewayError('ERR_BAD_PRESENCE', `The key of a person must be a text of 1 to ${MAX_KEY_LENGTH} characters.`)
}

function personOf({ key, meta }: PresentPerson): Person {
  return { key, meta: JSON.parse(meta) as unknown }
}
