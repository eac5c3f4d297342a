import { messageBytes } from './message.ts'

/** Distinguishes a queued event from a message of any type. */
export class QueuedEvent<Event> {
  readonly event: Event

  constructor(event: Event) {
    this.event = event
  }
}

/** The queued events and messages of a busy mailbox, in the order of their arrival. */
export class Backlog<Event, Message> {
  readonly #items: (QueuedEvent<Event> | Message)[]
  /** The index of the next item. */
  #head = 0
  #events = 0
  /** Bytes of the queued messages; messages under 1 KiB do not count. */
  #bytes = 0
  #drained: Promise<void> | undefined
  #resolveDrained: (() => void) | undefined

  constructor(first: QueuedEvent<Event> | Message) {
    // The first push to an empty array reserves 17 elements.
    this.#items = [first]
    this.#count(first)
  }

  get isEmpty(): boolean {
    return this.#head === this.#items.length
  }

  /** The number of queued events. */
  get events(): number {
    return this.#events
  }

  /** Whether it has so many messages, or messages of so many bytes. */
  isFull(capacity: number, capacityBytes: number): boolean {
    return this.#items.length - this.#head - this.#events >= capacity || this.#bytes >= capacityBytes
  }

  add(item: QueuedEvent<Event> | Message): void {
    this.#items.push(item)
    this.#count(item)
  }

  /** Removes and returns the next item. */
  shift(): QueuedEvent<Event> | Message {
    const items = this.#items
    const item = items[this.#head]!
    items[this.#head++] = undefined as never
    if (this.#head >= 64 && this.#head * 2 >= items.length) {
      // Compacts only if half of the array is consumed, so that a shift costs a constant on average.
      items.splice(0, this.#head)
      this.#head = 0
    }
    if (item instanceof QueuedEvent) {
      this.#events--
      this.release()
    } else if (this.#bytes > 0) this.#bytes -= messageBytes(item)
    return item
  }

  /** Returns `false`, and drops nothing, if the bytes of the other messages are at the bound too. */
  dropOldestMessage(capacityBytes: number): boolean {
    for (let i = this.#head; i < this.#items.length; i++) {
      const item = this.#items[i]!
      if (item instanceof QueuedEvent) continue
      const bytes = this.#bytes - messageBytes(item)
      if (bytes >= capacityBytes) return false
      this.#bytes = bytes
      this.#items.splice(i, 1)
      return true
    }
    return false
  }

  /** Resolves when the next event is removed, or at the call of {@link release}. */
  whenDrained(): Promise<void> {
    this.#drained ??= new Promise((resolve) => {
      this.#resolveDrained = resolve
    })
    return this.#drained
  }

  /** Resolves the promise of {@link whenDrained}. */
  release(): void {
    if (this.#drained === undefined) return
    this.#drained = undefined
    this.#resolveDrained!()
  }

  #count(item: QueuedEvent<Event> | Message): void {
    if (item instanceof QueuedEvent) this.#events++
    else this.#bytes += messageBytes(item)
  }
}
