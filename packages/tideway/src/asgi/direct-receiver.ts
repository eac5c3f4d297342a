import { hiddenField } from '../errors/hidden-field.ts'

/** Gets the event that {@link DirectReceiver.receiveOr} did not have. */
export interface EventListener<Event> {
  /** Called once per wait. Must not throw: its caller reports the error as an uncaught exception. */
  onEvent(event: Event): void
}

/**
 * The events of one connection without a promise for each wait. An idle connection waits for its next event all its life: with
 * `receive()` it keeps two promises, their reaction and the functions and contexts behind them, 0.4 kB of heap.
 */
export interface DirectReceiver<Event> {
  /**
   * Returns the next event as `receive()` does. If none is queued, returns `undefined` and calls the listener with the next one, in a
   * microtask and in any async context. One wait at a time.
   */
  receiveOr(listener: EventListener<Event>): Event | undefined
}

/** Keyed by the function itself: a `receive` of middleware has none, so it sees every event. */
const directReceivers = hiddenField<object, DirectReceiver<never>>()

/** Sets the direct receiver of a server's `receive`. */
export function setDirectReceiver<Event>(receive: () => Event | Promise<Event>, receiver: DirectReceiver<Event>): void {
  directReceivers.set(receive, receiver as DirectReceiver<never>)
}

/** The direct receiver of this `receive`; `undefined` if events have to come from `receive`. */
export function directReceiverOf<Event>(receive: () => Event | Promise<Event>): DirectReceiver<Event> | undefined {
  return directReceivers.get(receive)
}
