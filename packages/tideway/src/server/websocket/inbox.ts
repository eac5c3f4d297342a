import type { WebSocketReceiveEvent } from '../../asgi/websocket-events.ts'

/** How many events that were taken stay in front of those that wait: moving the others up at each would cost more. */
const TAKEN_KEPT = 32

/** The events of one connection that wait for its application, in order. */
export class Inbox {
  readonly #maxMessages: number
  readonly #maxBytes: number
  /** Made when something has to wait. */
  #events: WebSocketReceiveEvent[] | undefined
  #head = 0
  #bytes = 0
  #waiting: ((event: WebSocketReceiveEvent) => void) | undefined

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages
    this.#maxBytes = maxBytes
  }

  /** Whether the connection should not be read on. */
  get isFull(): boolean {
    return this.#length - this.#head >= this.#maxMessages || this.#bytes >= this.#maxBytes
  }

  /** What waits, by the length of its texts and payloads. */
  get bufferedBytes(): number {
    return this.#bytes
  }

  get isEmpty(): boolean {
    return this.#head === this.#length
  }

  get #length(): number {
    return this.#events === undefined ? 0 : this.#events.length
  }

  push(event: WebSocketReceiveEvent): void {
    const waiting = this.#waiting
    if (waiting !== undefined) {
      this.#waiting = undefined
      waiting(event)
      return
    }
    if (this.#events === undefined) this.#events = [event]
    else this.#events.push(event)
    this.#bytes += sizeOf(event)
  }

  /** The next event, or a promise of it. */
  take(): WebSocketReceiveEvent | Promise<WebSocketReceiveEvent> {
    const events = this.#events
    const event = events?.[this.#head]
    if (events === undefined || event === undefined) {
      return new Promise((resolve) => {
        this.#waiting = resolve
      })
    }
    this.#bytes -= sizeOf(event)
    this.#head++
    if (this.#head === events.length) {
      this.#events = undefined
      this.#head = 0
    } else if (this.#head >= TAKEN_KEPT) {
      // An application that never quite catches up must not keep all that it has taken.
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
