import type { EventListener } from '../../asgi/direct-receiver.ts'

/**
 * Calls listeners in a microtask, in the order of their events. The parser then reads a chunk to its end before an application handles
 * the first message of it, as with the promise of `receive()`. One promise serves all listeners of a turn.
 */
class EventTurn {
  /** Listener and event in turn. */
  #due: unknown[] = []

  add<Event>(listener: EventListener<Event>, event: Event): void {
    this.#due.push(listener, event)
    if (this.#due.length === 2) void resolved.then(this.#call)
  }

  readonly #call = (): void => {
    const due = this.#due
    this.#due = []
    for (let i = 0; i < due.length; i += 2) call(due[i] as EventListener<unknown>, due[i + 1])
  }
}

const resolved = Promise.resolve()

/** An error of a listener is an uncaught exception, and does not keep the events from the others. */
function call(listener: EventListener<unknown>, event: unknown): void {
  try {
    listener.onEvent(event)
  } catch (error) {
    queueMicrotask(() => {
      throw error
    })
  }
}

/** The turn of all connections of this thread. */
export const eventTurn: { add<Event>(listener: EventListener<Event>, event: Event): void } = new EventTurn()
