import { Backlog, QueuedEvent } from './backlog.ts'

/** Bytes of queued messages from which a mailbox is full unless its class sets another bound: 1 MiB. */
export const DEFAULT_CAPACITY_BYTES: number = 1024 * 1024

/** What a mailbox drops if a message comes while it is full: the new message, or the oldest queued one. */
export type OverflowPolicy = 'drop-newest' | 'drop-oldest'

/**
 * Handles the events of a connection and the messages of its channel one at a time, in the order of arrival. If no handler
 * runs, it calls the handler at once; if the handler returns nothing, no promise and no queue are made. The mailbox bounds
 * messages only. The reader of the connection bounds the events: it awaits {@link whenDrained} before it reads on.
 *
 * A base class instead of a member object: in a large group, the objects of a recipient are not in the processor's caches
 * when its turn comes, and each object before its handler is one more wait for memory.
 */
export abstract class Mailbox<Event, Message> {
  // The fields that each message reads come first, so that they share cache lines.
  #closed = false
  #busy = false
  /** What waits: `undefined` while nothing does, so that an idle connection keeps none of it. */
  #backlog: Backlog<Event, Message> | undefined
  /** Maximum queued messages. Can change while a handler runs, because a channel gets its name at its first use. */
  capacity: number
  readonly #capacityBytes: number
  readonly #overflow: OverflowPolicy

  constructor(
    capacity: number,
    overflow: OverflowPolicy = 'drop-newest',
    capacityBytes: number = DEFAULT_CAPACITY_BYTES,
  ) {
    this.capacity = capacity
    this.#capacityBytes = capacityBytes
    this.#overflow = overflow
  }

  /** Handles an event of the connection. Later events and messages wait for a returned promise. */
  protected abstract handleEvent(event: Event): void | PromiseLike<void>

  /** Handles a message of the channel layer. Later events and messages wait for a returned promise. */
  protected abstract handleMessage(message: Message): void | PromiseLike<void>

  /** A handler threw or rejected. The mailbox continues unless this method closes it. Must not throw: nothing catches it. */
  protected abstract handlerFailed(error: unknown): void

  /** Whether a handler is running. */
  get busy(): boolean {
    return this.#busy
  }

  /** The number of queued events. */
  get waitingEvents(): number {
    return this.#backlog === undefined ? 0 : this.#backlog.events
  }

  /** Handles the event now, or after the queued events and messages. */
  enter(event: Event): void {
    if (this.#closed) return
    if (this.#busy) this.#enqueue(new QueuedEvent(event))
    else this.#start(event, undefined)
  }

  /**
   * Handles the message now, or after the queued events and messages. Returns `false` if a message was dropped: this one, or
   * the oldest queued one. A closed mailbox drops every message.
   *
   * The mailbox is full if `capacity` messages are queued, or if their bytes reach the bound. `drop-oldest` drops one message;
   * if the bytes are still at the bound, it drops the new message instead.
   */
  offer(message: Message): boolean {
    if (this.#closed) return false
    if (!this.#busy) {
      this.#start(undefined, message)
      return true
    }
    const backlog = this.#backlog
    const isFull = backlog !== undefined && backlog.isFull(this.capacity, this.#capacityBytes)
    if (isFull && !(this.#overflow === 'drop-oldest' && backlog.dropOldestMessage(this.#capacityBytes))) return false
    this.#enqueue(message)
    return !isFull
  }

  /** Resolves when the next queued event starts, or at once if no event is queued. */
  whenDrained(): Promise<void> {
    return this.waitingEvents === 0 ? Promise.resolve() : this.#backlog!.whenDrained()
  }

  /** Drops the queue, and ignores later events and messages. A running handler keeps running. */
  close(): void {
    this.#closed = true
    const backlog = this.#backlog
    this.#backlog = undefined
    backlog?.release()
  }

  /** Later events and messages wait for the promise, as for that of a handler. Only while no handler runs. */
  protected waitFor(result: PromiseLike<void>): void {
    this.#busy = true
    this.#await(result)
  }

  #enqueue(item: QueuedEvent<Event> | Message): void {
    if (this.#backlog === undefined) this.#backlog = new Backlog(item)
    else this.#backlog.add(item)
  }

  /** Runs one handler, then the queue unless the handler returned a promise. */
  #start(event: Event | undefined, message: Message | undefined): void {
    this.#busy = true
    this.#handle(event, message)
    if (!this.#busy && this.#backlog !== undefined) this.#drain()
  }

  /** Leaves `#busy` set if the handler returned a promise. */
  #handle(event: Event | undefined, message: Message | undefined): void {
    try {
      const result = event === undefined ? this.handleMessage(message!) : this.handleEvent(event)
      if (result !== undefined) {
        this.#await(result)
        return
      }
    } catch (error) {
      this.#reportFailure(error)
    }
    this.#busy = false
  }

  #await(result: PromiseLike<void>): void {
    // Wraps other thenables, so that they settle once and asynchronously.
    // New functions each time, so that an idle connection keeps none.
    void Promise.resolve(result).then(
      () => this.#settled(),
      (error: unknown) => {
        this.#reportFailure(error)
        this.#settled()
      },
    )
  }

  #settled(): void {
    this.#busy = false
    this.#drain()
  }

  /** An error thrown by {@link handlerFailed} becomes an uncaught exception; the mailbox stays consistent. */
  #reportFailure(error: unknown): void {
    try {
      this.handlerFailed(error)
    } catch (thrown) {
      queueMicrotask(() => {
        throw thrown
      })
    }
  }

  #drain(): void {
    while (!this.#busy && this.#backlog !== undefined) {
      const item = this.#backlog.shift()
      if (this.#backlog.isEmpty) this.#backlog = undefined
      this.#busy = true
      if (item instanceof QueuedEvent) this.#handle(item.event, undefined)
      else this.#handle(undefined, item)
    }
  }
}
