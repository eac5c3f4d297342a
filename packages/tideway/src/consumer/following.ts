import type { Cursor, Follower, Reset } from '../layer/log/cursor.ts'
import type { LogEntry } from '../layer/log/event-log.ts'
import { MailboxTask } from './mailbox-task.ts'
import { changedValueOf, FollowedEvent, followedEventOf, volatileEventOf } from './followed-event.ts'

/** The consumer of a following. */
export interface FollowingConsumer {
  /** Calls {@link Following.handle} now, or after what is queued. */
  enter(following: Following): void
  /** Sends what a static handler has answered for an earlier follower, if nothing is before it. Returns `false` otherwise. */
  trySend(event: FollowedEvent): boolean
  handleEvent(event: FollowedEvent): void | PromiseLike<void>
  handleReset(group: string, reset: Reset): void | PromiseLike<void>
  /** An entry of the group is not an event. */
  reportMalformed(group: string): void
}

/**
 * One kept group that a consumer follows. The mailbox of the consumer has at most one of its entries: while it waits, the cursor
 * is paused, so that a busy consumer is behind in the log and nothing is dropped.
 */
export class Following extends MailboxTask implements Follower {
  readonly group: string
  /** The following of the same group that this one replaces when it is open. */
  replaced: Following | undefined
  readonly #consumer: FollowingConsumer
  readonly #isState: boolean
  #cursor: Cursor | undefined
  #isOver = false
  /** What waits in the mailbox: an entry or a reset, and a volatile event before it. */
  #next: FollowedEvent | Reset | undefined
  #afterNext: FollowedEvent | Reset | undefined
  #resume: (() => void) | undefined
  #lastVolatile: FollowedEvent | undefined

  /** @param isState whether the group has values */
  constructor(group: string, consumer: FollowingConsumer, isState: boolean, replaced: Following | undefined) {
    super()
    this.group = group
    this.#consumer = consumer
    this.#isState = isState
    this.replaced = replaced
  }

  get isOpen(): boolean {
    return this.#cursor !== undefined
  }

  /** Starts with the cursor, and ends the following that it replaces. */
  open(cursor: Cursor): void {
    this.replaced?.close()
    this.replaced = undefined
    this.#cursor = cursor
    // The caller of follow() gets its answer first.
    setImmediate(() => cursor.start())
  }

  /** Ends following. The consumer is not called again. */
  close(): void {
    this.#isOver = true
    this.#cursor?.close()
    this.replaced?.close()
  }

  onEntry(entry: LogEntry): void | Promise<void> {
    const event = this.#isState ? changedValueOf(entry, this.group) : followedEventOf(entry, this.group)
    if (event === undefined) return this.#consumer.reportMalformed(this.group)
    if (this.#consumer.trySend(event)) return undefined
    return this.#enter(event)
  }

  /** Drops the event if something of the group waits already. */
  onVolatile(body: string): boolean | void {
    if (this.#next !== undefined) return false
    const event = volatileEventOf(this.group, body, this.#lastVolatile)
    if (event === undefined) return this.#consumer.reportMalformed(this.group)
    this.#lastVolatile = event
    this.#next = event
    this.#consumer.enter(this)
  }

  onReset(reset: Reset): void | Promise<void> {
    return this.#enter(reset)
  }

  override handle(): void | PromiseLike<void> {
    const item = this.#next!
    this.#next = this.#afterNext
    this.#afterNext = undefined
    if (this.#next === undefined) {
      this.#resume?.()
      this.#resume = undefined
    }
    if (this.#isOver) return undefined
    if (item instanceof FollowedEvent) return this.#consumer.handleEvent(item)
    return this.#consumer.handleReset(this.group, item)
  }

  /** Returns a promise if the item has to wait. It resolves when the mailbox calls its handler. */
  #enter(item: FollowedEvent | Reset): void | Promise<void> {
    if (this.#next === undefined) this.#next = item
    else this.#afterNext = item
    this.#consumer.enter(this)
    // A handler that publishes may have caused another event, which waits.
    if (this.#next !== item && this.#afterNext !== item) return undefined
    return new Promise((resolve) => {
      this.#resume = resolve
    })
  }
}
