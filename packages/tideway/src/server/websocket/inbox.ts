import type { WebSocketReceiveEvent } from '../../asgi/websocket-events.ts'

/** Consumed entries to tolerate before compacting: compacting at each would cost more. */
const MAX_CONSUMED = 32

/** The queued events of one connection, in order. A connection has one while an event waits for its application. */
export class Inbox {
  readonly #events: WebSocketReceiveEvent[]
  #head = 0
  #bytes: number

  constructor(first: WebSocketReceiveEvent) {
    // The first push to an empty array reserves 17 elements.
    this.#events = [first]
    this.#bytes = sizeOf(first)
  }

  get isEmpty(): boolean {
    return this.#head === this.#events.length
  }

  /** Whether the server should stop reading the connection. */
  isFull(maxMessages: number, maxBytes: number): boolean {
    return this.#events.length - this.#head >= maxMessages || this.#bytes >= maxBytes
  }

  /** The length of the queued texts and payloads. */
  get bufferedBytes(): number {
    return this.#bytes
  }

  push(event: WebSocketReceiveEvent): void {
    this.#events.push(event)
    this.#bytes += sizeOf(event)
  }

  /** Removes and returns the next event. */
  shift(): WebSocketReceiveEvent {
    const events = this.#events
    const event = events[this.#head]!
    this.#bytes -= sizeOf(event)
    this.#head++
    if (this.#head >= MAX_CONSUMED) {
      // The queue of an application that never catches up must not keep consumed events.
      events.splice(0, this.#head)
      this.#head = 0
    }
    return event
  }
}

function sizeOf(event: WebSocketReceiveEvent): number {
  if (event.type !== 'websocket.receive') return 0
  return event.text === undefined ? event.bytes.byteLength : event.text.length
}
