import type { EventListener } from '../../asgi/direct-receiver.ts'
import type { WebSocketReceiveEvent } from '../../asgi/websocket-events.ts'
import { eventTurn } from './event-turn.ts'

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
  #waiting: EventListener<WebSocketReceiveEvent> | undefined

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
      eventTurn.add(waiting, event)
      return
    }
    if (this.#events === undefined) this.#events = [event]
    else this.#events.push(event)
    this.#bytes += sizeOf(event)
  }

  /** The next event, or a promise of it. */
  take(): WebSocketReceiveEvent | Promise<WebSocketReceiveEvent> {
    if (!this.isEmpty) return this.#next()
    return new Promise((resolve) => {
      this.#waiting = { onEvent: resolve }
    })
  }

  /** The next event. If there is none, returns `undefined` and calls the listener with the next one. */
  takeOr(listener: EventListener<WebSocketReceiveEvent>): WebSocketReceiveEvent | undefined {
    if (!this.isEmpty) return this.#next()
    this.#waiting = listener
    return undefined
  }

  #next(): WebSocketReceiveEvent {
    const events = this.#events!
    const event = events[this.#head]!
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
