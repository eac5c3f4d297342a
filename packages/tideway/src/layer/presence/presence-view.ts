import { backoffMs } from '../../errors/backoff.ts'
import type { Clock } from '../log/clock.ts'
import type { Cursor, Follower } from '../log/cursor.ts'
import type { LogEntry } from '../log/event-log.ts'
import type { Followed } from '../log/follow.ts'
import type { Position } from '../log/position.ts'
import { parsePresenceEntry } from './presence-entry.ts'
import type { PresenceSnapshot } from './presence-store.ts'

/**
 * The changes of the people of a group since the last ones. A person is in at most one of the three. They are empty while the group is
 * too large for a list.
 */
export interface PresenceDiff {
  /** The people who are present now, with their meta. */
  readonly in: ReadonlyMap<string, unknown>
  /** The people whose meta has changed. */
  readonly up: ReadonlyMap<string, unknown>
  /** The people who have left. */
  readonly out: ReadonlySet<string>
  readonly count: number
}

/** Watches the people of a group. */
export interface PresenceWatcher {
  /**
   * The people at the beginning, in the view itself: it changes later. The diffs begin here.
   * @param view its `people` are `undefined` if the group is too large for a list
   */
  onOpen(view: PresenceView): void
  /** The people have changed. Also called if the group has become too large, or small enough, for a list. */
  onDiff(diff: PresenceDiff): void
}

/** What the views of a process share. */
export interface ViewContext {
  readonly clock: Clock
  readonly diffMs: number
  readonly maxPeople: number
  who(group: string, limit: number): Promise<PresenceSnapshot>
  follow(group: string, follower: Follower, since: Position): Promise<Followed>
  /** The log of the group was lost, and perhaps its members. */
  onReset(group: string): void
  failed(group: string, error: unknown): void
  /** The watchers of a view have got a diff. */
  flushed(): void
}

const RETRY = { firstMs: 200, mostMs: 5000 }

/** The first reads of a view: a log that loses its position this often in a row is not readable. */
const MAX_OPENINGS = 5

/**
 * The people of one group, as this process sees them, for all its watchers: a snapshot, and the changes of the log after it. Collects
 * changes for a time, and passes their sum to the watchers.
 */
export class PresenceView implements Follower {
  readonly group: string
  readonly #context: ViewContext
  readonly #watchers = new Set<PresenceWatcher>()
  readonly #opened: Promise<void>
  /** `undefined` if the group is too large for a list. */
  #people: Map<string, unknown> | undefined = new Map()
  #count = 0
  /** The changes up to here are in `#people`. */
  #top = 0
  /** The metas of changed people before their changes; `undefined` for a person who was not present. */
  readonly #before = new Map<string, unknown>()
  #countBefore = 0
  #cursor: Cursor | undefined
  #cancelFlush: (() => void) | undefined
  #failures = 0
  #isClosed = false
  /** The calls that wait for the first snapshot. */
  #opening = 0

  constructor(group: string, context: ViewContext) {
    this.group = group
    this.#context = context
    this.#opened = this.#open()
    // A watcher that waits for it gets the error.
    this.#opened.catch(() => {})
  }

  /** The people, or `undefined` if there are more than `maxPeople`. Not copied: changes until the view is closed. */
  get people(): ReadonlyMap<string, unknown> | undefined {
    return this.#people
  }

  /** The number of people. */
  get count(): number {
    return this.#count
  }

  /** Whether the view has no watcher, and none that waits. */
  get isIdle(): boolean {
    return this.#watchers.size === 0 && this.#opening === 0
  }

  /**
   * Adds a watcher, and calls its `onOpen`.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the people cannot be read
   */
  async watch(watcher: PresenceWatcher): Promise<void> {
    this.#opening++
    try {
      await this.#opened
    } finally {
      this.#opening--
    }
    // Otherwise its first diff would begin before its people.
    this.#flush()
    this.#watchers.add(watcher)
    watcher.onOpen(this)
  }

  /** Removes a watcher. */
  unwatch(watcher: PresenceWatcher): void {
    this.#watchers.delete(watcher)
  }

  /** Ends the view. Its watchers get no more changes. */
  close(): void {
    this.#isClosed = true
    this.#cancelFlush?.()
    this.#cursor?.close()
    this.#watchers.clear()
  }

  onEntry({ offset, body }: LogEntry): void | Promise<void> {
    if (offset <= this.#top) return undefined
    this.#top = offset
    const change = parsePresenceEntry(body)
    if (change === undefined) return undefined
    if (this.#people === undefined) return this.#countChange(change.kind)
    const { key } = change
    const had = this.#people.has(key)
    if (change.kind === 'out') this.#set(key, undefined)
    // An encrypted meta may come again although it has not changed.
    else if (!had || JSON.stringify(this.#people.get(key)) !== JSON.stringify(change.meta)) this.#set(key, change.meta)
    if (this.#people.size > this.#context.maxPeople) this.#people = undefined
    return undefined
  }

  onVolatile(): boolean {
    return false
  }

  /** Reads the people again. The cursor waits for it. */
  onReset(): Promise<void> {
    this.#context.onReset(this.group)
    return this.#readAgain()
  }

  async #open(): Promise<void> {
    for (let opening = 1; ; opening++) {
      const snapshot = await this.#context.who(this.group, this.#context.maxPeople)
      const { cursor, recovered } = await this.#context.follow(this.group, this, snapshot.position)
      if (this.#isClosed) cursor.close()
      if (!recovered && opening < MAX_OPENINGS && !this.#isClosed) {
        cursor.close()
        continue
      }
      this.#cursor = cursor
      this.#take(snapshot)
      this.#countBefore = this.#count
      this.#before.clear()
      cursor.start()
      return
    }
  }

  async #readAgain(): Promise<void> {
    while (!this.#isClosed) {
      try {
        const snapshot = await this.#context.who(this.group, this.#context.maxPeople)
        this.#failures = 0
        this.#take(snapshot)
        return
      } catch (error) {
        this.#context.failed(this.group, error)
        const ms = backoffMs(++this.#failures, RETRY, this.#context.clock.random)
        await new Promise<void>((resolve) => void this.#context.clock.after(ms, resolve))
      }
    }
  }

  /** Replaces the people, and notes what that changes. */
  #take({ people, count, position }: PresenceSnapshot): void {
    const isComplete = people.length === count
    const next = new Map<string, unknown>(
      isComplete ? people.map(({ key, meta }) => [key, JSON.parse(meta) as unknown]) : [],
    )
    this.#people ??= new Map()
    for (const key of this.#people.keys()) if (!next.has(key)) this.#set(key, undefined)
    for (const [key, meta] of next) {
      if (JSON.stringify(this.#people.get(key)) !== JSON.stringify(meta)) this.#set(key, meta)
    }
    this.#count = count
    this.#top = position.offset
    if (!isComplete) this.#people = undefined
    this.#flushLater()
  }

  /** @param meta `undefined` if the person has left */
  #set(key: string, meta: unknown): void {
    const people = this.#people!
    if (!this.#before.has(key)) this.#before.set(key, people.get(key))
    if (meta === undefined) people.delete(key)
    else people.set(key, meta)
    this.#count = people.size
    this.#flushLater()
  }

  #countChange(kind: 'in' | 'up' | 'out'): void | Promise<void> {
    if (kind === 'up') return undefined
    this.#count += kind === 'in' ? 1 : -1
    this.#flushLater()
    // Less than the bound, so that a group at the bound is not read all the time.
    return this.#count < this.#context.maxPeople * 0.9 ? this.#readAgain() : undefined
  }

  #flushLater(): void {
    if (this.#watchers.size === 0 || this.#cancelFlush !== undefined) return
    this.#cancelFlush = this.#context.clock.after(this.#context.diffMs, () => this.#flush())
  }

  #flush(): void {
    this.#cancelFlush?.()
    this.#cancelFlush = undefined
    const diff = this.#diff()
    this.#before.clear()
    if (diff === undefined) return
    this.#context.flushed()
    for (const watcher of this.#watchers) watcher.onDiff(diff)
  }

  /** The sum of the changes; `undefined` if nothing has changed. */
  #diff(): PresenceDiff | undefined {
    const [entered, changed, left] = [new Map<string, unknown>(), new Map<string, unknown>(), new Set<string>()]
    const people = this.#people
    for (const [key, before] of people === undefined ? [] : this.#before) {
      const now = people?.get(key)
      if (before === undefined && now !== undefined) entered.set(key, now)
      else if (before !== undefined && now === undefined) left.add(key)
      else if (now !== undefined && JSON.stringify(before) !== JSON.stringify(now)) changed.set(key, now)
    }
    const isSame = entered.size + changed.size + left.size === 0 && this.#count === this.#countBefore
    this.#countBefore = this.#count
    return isSame ? undefined : { in: entered, up: changed, out: left, count: this.#count }
  }
}
