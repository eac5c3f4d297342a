import type { WebSocketReceiveEvent } from '../../asgi/websocket-events.ts'

/** Consumed entries to tolerate before compacting: compacting at each would cost more. */
const MAX_CONSUMED = 32

/** The queued events of one connection, in order. */
export class Inbox {
  readonly #maxMessages: number
  readonly #maxBytes: number
  /** Created with the first queued event. */
  #events: WebSocketReceiveEvent[] | undefined
  #head = 0
  #bytes = 0
  #waiting: ((event: WebSocketReceiveEvent) => void) | undefined

  constructor(maxMessages: number, maxBytes: number) {
    this.#maxMessages = maxMessages
    this.#maxBytes = maxBytes
  }

  /** Whether the server should stop reading the connection. */
  get isFull(): boolean {
    return this.#length - this.#head >= this.#maxMessages || this.#bytes >= this.#maxBytes
  }

  /** The length of the queued texts and payloads. */
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
    } else if (this.#head >= MAX_CONSUMED) {
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
