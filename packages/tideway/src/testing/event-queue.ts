import { TidewayError } from '../errors/tideway-error.ts'

/** The events that the application receives with `receive()`. */
export class EventQueue<E> {
  #events: E[] = []
  #head = 0
  #waiting: ((event: E) => void) | undefined
  #last: E | undefined

  /** Whether the application waits for an event. */
  get isAwaited(): boolean {
    return this.#waiting !== undefined
  }

  push(event: E): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    if (waiting === undefined) this.#events.push(event)
    else waiting(event)
  }

  /** Adds the last event. Every later `take()` returns it again, as in the server. */
  close(event: E): void {
    this.push(event)
    this.#last = event
  }

  /** Returns the next event, or a promise of it. */
  take(): E | Promise<E> {
    if (this.#waiting !== undefined) {
      throw new TidewayError(
        'ERR_OUT_OF_TURN',
        'receive() was called again while an earlier call of it waits for an event: await each call before the next.',
      )
    }
    const event = this.#shift() ?? this.#last
    if (event !== undefined) return event
    return new Promise((resolve) => {
      this.#waiting = resolve
    })
  }

  /** Removes the first event by index: `Array.shift` moves all other elements each time. */
  #shift(): E | undefined {
    const event = this.#events[this.#head]
    if (event === undefined) return undefined
    if (++this.#head === this.#events.length) {
      this.#events = []
      this.#head = 0
    }
    return event
  }
}
