import { messageBytes } from './message.ts'

/** Bytes of queued messages from which a mailbox is full unless its class sets another bound: 1 MiB. */
export const DEFAULT_CAPACITY_BYTES: number = 1024 * 1024

/** What a mailbox drops if a message comes while it is full: the new message, or the oldest queued one. */
export type OverflowPolicy = 'drop-newest' | 'drop-oldest'

/** Tells an event in the queue from a message, whatever the message says that it is. */
class QueuedEvent<Event> {
  readonly event: Event

  constructor(event: Event) {
    this.event = event
  }
}

/**
 * Serialises the two things that reach a consumer, events of its connection and messages of its channel: one is handled
 * at a time, in the order of arrival. While nothing runs, a handler is called at once and, when it returns nothing, that
 * was all: no promise, no queue. Only messages are bounded here; events are bounded by whoever reads the connection,
 * which asks {@link room} before it reads on.
 *
 * A class to extend, and not a part of who handles: in a large group nothing of a member is in the processor's caches any
 * more when its turn comes, and each object on the way to its handler is one more wait for memory.
 */
export abstract class Mailbox<Event, Message> {
  // What each message looks at comes first, and so lies together.
  #closed = false
  #busy = false
  /** Made when something has to wait for the first time; the next of it is at `#head`. */
  #queue: (QueuedEvent<Event> | Message)[] | undefined
  #head = 0
  /** The most messages that wait; may be set while it runs, since a consumer's channel is named when it is first used. */
  capacity: number
  readonly #capacityBytes: number
  readonly #overflow: OverflowPolicy
  /** Bytes of the queued messages; messages under 1 KiB do not count. */
  #bytes = 0
  #waitingEvents = 0
  #room: Promise<void> | undefined
  #roomMade: (() => void) | undefined

  constructor(
    capacity: number,
    overflow: OverflowPolicy = 'drop-newest',
    capacityBytes: number = DEFAULT_CAPACITY_BYTES,
  ) {
    this.capacity = capacity
    this.#capacityBytes = capacityBytes
    this.#overflow = overflow
  }

  /** Handles what came from the connection. What follows waits for a returned promise. */
  protected abstract handleEvent(event: Event): void | PromiseLike<void>

  /** Handles what came from the channel layer. What follows waits for a returned promise. */
  protected abstract handleMessage(message: Message): void | PromiseLike<void>

  /** A handler threw or rejected. The mailbox goes on unless it is closed here. Must not throw: nobody would catch it. */
  protected abstract handlerFailed(error: unknown): void

  /** Whether a handler is running. */
  get busy(): boolean {
    return this.#busy
  }

  /** Events that wait behind what is running. */
  get waitingEvents(): number {
    return this.#waitingEvents
  }

  /** Handles the event now, or after what is there. */
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

  /** Resolves when the next waiting event is started; at once when none waits. */
  room(): Promise<void> {
    if (this.#waitingEvents === 0) return Promise.resolve()
    this.#room ??= new Promise((resolve) => {
      this.#roomMade = resolve
    })
    return this.#room
  }

  /** Drops what waits and takes nothing more. What is running runs on. */
  close(): void {
    this.#closed = true
    this.#queue = undefined
    this.#waitingEvents = 0
    this.#bytes = 0
    this.#makeRoom()
  }

  get #waiting(): number {
    return this.#queue === undefined ? 0 : this.#queue.length - this.#head
  }

  #enqueue(item: QueuedEvent<Event> | Message): void {
    if (this.#queue === undefined) this.#queue = [item]
    else this.#queue.push(item)
  }

  /** Runs one handler; the queue is run down unless it returned a promise. */
  #start(event: Event | undefined, message: Message | undefined): void {
    this.#busy = true
    this.#handle(event, message)
    if (!this.#busy && this.#queue !== undefined) this.#drain()
  }

  /** Leaves `#busy` set when the handler returned a promise. */
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
    // A promise is itself here; what else has a `then` becomes one, so that it settles once and never at once.
    // New functions each time: an idle connection should not keep any.
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

  /** What {@link handlerFailed} throws becomes an uncaught exception; the mailbox stays in order. */
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
        this.#makeRoom()
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
      // Moved down only when half of it is spent, so that a shift costs a constant on average.
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

  #makeRoom(): void {
    if (this.#room === undefined) return
    this.#room = undefined
    this.#roomMade!()
  }
}
