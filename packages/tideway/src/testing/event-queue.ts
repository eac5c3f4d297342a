import { TidewayError } from '../errors/tideway-error.ts'

/** Events on their way to the application, as it takes them with `receive()`. */
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

  /** The event is the last one: who asks again is given it again, as a server does it. */
  close(event: E): void {
    this.push(event)
    this.#last = event
  }

  /** The next event, or a promise of it. */
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

  /** Not the array's own: that moves all the others each time. */
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
