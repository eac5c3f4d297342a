import type { LogEntry } from './event-log.ts'
import type { LostReason, Position } from './position.ts'

/** Tells a follower that the log does not continue its position. */
export interface Reset {
  readonly why: LostReason
  /** Where the follower continues: what comes next is the entry after it. */
  readonly position: Position
  /** Only for a group with values: the entry of each value at `position`. */
  readonly values?: readonly LogEntry[] | undefined
}

/**
 * Follows a kept group. A promise that a method returns pauses the cursor: nothing is queued for the follower until it resolves.
 * A follower that throws or rejects is closed, and its layer reports the error.
 */
export interface Follower {
  /** The next entry of the log. In a group with values, the next one that is the newest change of its key. */
  onEntry(entry: LogEntry): void | Promise<void>
  /** A volatile event. Not called while the cursor is paused. Returns `false` if the follower drops it. */
  onVolatile(body: string): boolean | void
  /** The log does not continue the position of the follower. */
  onReset(reset: Reset): void | Promise<void>
}

/** The part of a tail that its cursors use. */
export interface CursorSource {
  readonly top: Position
  readonly counters: { delivered: number; readonly replayed: { ring: number; log: number } }
  /** The entry at the offset, if the process holds it. In a group with values, the first one at the offset or after it. */
  entryAt(offset: number): LogEntry | undefined
  /** Reads what follows the cursor, and calls {@link Cursor.feed} or {@link Cursor.reset}. */
  catchUp(cursor: Cursor): void
  remove(cursor: Cursor): void
  /** The follower of a cursor has thrown or rejected. */
  followerFailed(error: unknown): void
}

/** `paused`: not started, or the follower is busy. `reading`: the source reads what follows. */
type CursorState = 'paused' | 'ready' | 'reading' | 'closed'

/**
 * The place of one follower in a log. It costs no queue: a follower that is slower than its group is some numbers behind, and
 * continues from the entries that its process holds, or from the log.
 */
export class Cursor implements Position {
  epoch: string
  offset: number
  readonly #source: CursorSource
  readonly #follower: Follower
  /** How many of the newest entries follow a reset. */
  readonly last: number
  #state: CursorState = 'paused'
  /** Entries that the process does not hold, shared by all cursors that read them at the same time. */
  #backlog: readonly LogEntry[] | undefined
  #reset: Reset | undefined

  constructor(source: CursorSource, follower: Follower, { epoch, offset }: Position, last: number) {
    this.#source = source
    this.#follower = follower
    this.epoch = epoch
    this.offset = offset
    this.last = last
  }

  /** Begins to call the follower. */
  start(): void {
    if (this.#state === 'closed') return
    this.#state = 'ready'
    this.pump()
  }

  /** Ends following. The follower is not called again. */
  close(): void {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    this.#backlog = undefined
    this.#source.remove(this)
  }

  /** Passes the newest entry of the log on, if it is the next one of this cursor. */
  push(entry: LogEntry): void {
    if (this.#state !== 'ready') return
    if (entry.offset === this.offset + 1) this.#take(entry)
    else this.pump()
  }

  /** Passes a volatile event on. Returns `false` if the follower is busy: the event is dropped. */
  pushVolatile(body: string): boolean {
    if (this.#state !== 'ready') return false
    try {
      if (this.#follower.onVolatile(body) === false) return false
      this.#source.counters.delivered++
    } catch (error) {
      this.#fail(error)
    }
    return true
  }

  /** Continues with these entries, which follow its position, and then with those of its source. */
  feed(entries: readonly LogEntry[]): void {
    if (this.#state === 'closed') return
    this.#backlog = entries
    if (this.#state === 'reading') this.#state = 'ready'
    this.pump()
  }

  /** Drops entries that were read before the log forked. */
  forgetBacklog(): void {
    this.#backlog = undefined
  }

  /** Whether the source still reads what follows the position. */
  isReadingFrom({ epoch, offset }: Position): boolean {
    return this.#state === 'reading' && this.epoch === epoch && this.offset === offset
  }

  /** Continues after the reset at another position, with these entries. */
  reset(reset: Reset, entries: readonly LogEntry[]): void {
    if (this.#state === 'closed') return
    this.#reset = reset
    this.epoch = reset.position.epoch
    this.offset = reset.position.offset
    this.#backlog = entries
    if (this.#state === 'reading') this.#state = 'ready'
    this.pump()
  }

  /** Calls the follower with everything that it has not got, until it is busy. */
  pump(): void {
    while (this.#state === 'ready') {
      if (this.#reset !== undefined) {
        const reset = this.#reset
        this.#reset = undefined
        this.#passReset(reset)
        continue
      }
      const entry = this.#next()
      if (entry === undefined) return
      this.#take(entry)
    }
  }

  #next(): LogEntry | undefined {
    const next = this.offset + 1
    const backlog = this.#backlog
    if (backlog !== undefined) {
      const first = backlog[0]
      const entry = first === undefined || next < first.offset ? undefined : backlog[next - first.offset]
      if (entry !== undefined) {
        this.#source.counters.replayed.log++
        return entry
      }
      this.#backlog = undefined
    }
    if (this.offset >= this.#source.top.offset) return undefined
    const held = this.#source.entryAt(next)
    if (held === undefined) {
      this.#state = 'reading'
      this.#source.catchUp(this)
    } else this.#source.counters.replayed.ring++
    return held
  }

  #take(entry: LogEntry): void {
    this.epoch = entry.epoch
    this.offset = entry.offset
    this.#source.counters.delivered++
    try {
      const busy = this.#follower.onEntry(entry)
      if (busy !== undefined) this.#pauseFor(busy)
    } catch (error) {
      this.#fail(error)
    }
  }

  #passReset(reset: Reset): void {
    try {
      const busy = this.#follower.onReset(reset)
      if (busy !== undefined) this.#pauseFor(busy)
    } catch (error) {
      this.#fail(error)
    }
  }

  #pauseFor(busy: Promise<void>): void {
    if (this.#state !== 'ready') return
    this.#state = 'paused'
    busy.then(
      () => {
        if (this.#state === 'paused') this.start()
      },
      (error: unknown) => this.#fail(error),
    )
  }

  #fail(error: unknown): void {
    this.close()
    this.#source.followerFailed(error)
  }
}
