import type { Receive } from '../asgi/application.ts'
import type { DirectReceiver, EventListener } from '../asgi/direct-receiver.ts'

/** A listener of {@link PromisedReceiver}. */
export interface ReadListener<Event> extends EventListener<Event> {
  /** `receive` rejected. */
  onReadFailed(error: unknown): void
}

/** The events of a `receive` without a direct receiver: one of middleware, or of another server. */
export class PromisedReceiver<Event> implements DirectReceiver<Event> {
  readonly #receive: Receive<Event>

  constructor(receive: Receive<Event>) {
    this.#receive = receive
  }

  receiveOr(listener: ReadListener<Event>): Event | undefined {
    const next = this.#receive()
    if (!(next instanceof Promise)) return requireEvent(next)
    next.then(
      (event) => listener.onEvent(event),
      (error: unknown) => listener.onReadFailed(error),
    )
    return undefined
  }
}

/** Only JavaScript code, or a cast, returns something else. */
function requireEvent<Event>(event: Event): Event {
  if (event === undefined) throw new TypeError('receive() returned undefined: return an event, or a promise of one.')
  return event
}
