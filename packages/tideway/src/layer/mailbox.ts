import { messageBytes } from './message.ts'

/** Bytes of queued messages from which a mailbox is full unless its class sets another bound: 1 MiB. */
export const DEFAULT_CAPACITY_BYTES: number = 1024 * 1024

/** What a mailbox drops if a message comes while it is full: the new message, or the oldest queued one. */
export type OverflowPolicy = 'drop-newest' | 'drop-oldest'

/** Distinguishes a queued event from a message of any type. */
class QueuedEvent<Event> {
  readonly event: Event

  constructor(event: Event) {
    this.event = event
  }
}

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
  /** Created when the first event or message has to wait; `#head` is the index of the next one. */
  #queue: (QueuedEvent<Event> | Message)[] | undefined
  #head = 0
  /** Maximum queued messages. Can change while a handler runs, because a channel gets its name at its first use. */
  capacity: number
  readonly #capacityBytes: number
  readonly #overflow: OverflowPolicy
  /** Bytes of the queued messages; messages under 1 KiB do not count. */
  #bytes = 0
  #waitingEvents = 0
  #drained: Promise<void> | undefined
  #resolveDrained: (() => void) | undefined

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
    return this.#waitingEvents
  }

  /** Handles the event now, or after the queued events and messages. */
  enter(event: Event): void {
    if (this.#closed) return
    if (this.#busy) {
      this.#waitingEvents++
      this.#enqueue(new QueuedEvent(event))
    } else this.#start(event, undefined)
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
    const isFull = this.#waiting - this.#waitingEvents >= this.capacity || this.#bytes >= this.#capacityBytes
    if (isFull && !(this.#overflow === 'drop-oldest' && this.#dropOldestMessage())) return false
    this.#bytes += messageBytes(message)
    this.#enqueue(message)
    return !isFull
  }

  /** Resolves when the next queued event starts, or at once if no event is queued. */
  whenDrained(): Promise<void> {
    if (this.#waitingEvents === 0) return Promise.resolve()
    this.#drained ??= new Promise((resolve) => {
      this.#resolveDrained = resolve
    })
    return this.#drained
  }

  /** Drops the queue, and ignores later events and messages. A running handler keeps running. */
  close(): void {
    this.#closed = true
    this.#queue = undefined
    this.#waitingEvents = 0
    this.#bytes = 0
    this.#notifyDrained()
  }

  get #waiting(): number {
    return this.#queue === undefined ? 0 : this.#queue.length - this.#head
  }

  #enqueue(item: QueuedEvent<Event> | Message): void {
    if (this.#queue === undefined) this.#queue = [item]
    else this.#queue.push(item)
  }

  /** Runs one handler, then the queue unless the handler returned a promise. */
  #start(event: Event | undefined, message: Message | undefined): void {
    this.#busy = true
    this.#handle(event, message)
    if (!this.#busy && this.#queue !== undefined) this.#drain()
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
    while (!this.#busy && this.#waiting > 0) {
      const item = this.#shift()
      this.#busy = true
      if (item instanceof QueuedEvent) {
        this.#waitingEvents--
        this.#notifyDrained()
        this.#handle(item.event, undefined)
      } else {
        if (this.#bytes > 0) this.#bytes -= messageBytes(item)
        this.#handle(undefined, item)
      }
    }
  }

  #shift(): QueuedEvent<Event> | Message {
    const queue = this.#queue!
    const item = queue[this.#head]!
    queue[this.#head++] = undefined as never
    if (this.#head === queue.length) {
      queue.length = 0
      this.#head = 0
    } else if (this.#head >= 64 && this.#head * 2 >= queue.length) {
      // Compacts only if half of the array is consumed, so that a shift costs a constant on average.
      queue.splice(0, this.#head)
      this.#head = 0
    }
    return item
  }

  /** Returns `false`, and drops nothing, if the bytes of the other messages are at the bound too. */
  #dropOldestMessage(): boolean {
    const queue = this.#queue!
    for (let i = this.#head; i < queue.length; i++) {
      const item = queue[i]!
      if (item instanceof QueuedEvent) continue
      const bytes = this.#bytes - messageBytes(item)
      if (bytes >= this.#capacityBytes) return false
      this.#bytes = bytes
      queue.splice(i, 1)
      return true
    }
    return false
  }

  #notifyDrained(): void {
    if (this.#drained === undefined) return
    this.#drained = undefined
    this.#resolveDrained!()
  }
}
