/** A listener of one event. */
export type Listener<T> = (detail: T) => unknown

/** Typed events, from name to detail. */
export class Emitter<Events extends object> {
  readonly #listeners = new Map<keyof Events, Set<Listener<never>>>()

  /** Calls the listener at each event of the name, until the function that it returns is called. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void {
    const listeners = this.#listeners.get(name) ?? new Set()
    this.#listeners.set(name, listeners)
    // Wrapped, so that a listener that was added twice is called twice and removed once, each by its own function.
    const call: Listener<Events[Name]> = (detail) => listener(detail)
    listeners.add(call)
    return () => void listeners.delete(call)
  }

  /** A listener that throws stops neither the others nor the client: the platform reports what it threw as uncaught. */
  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void {
    for (const listener of this.#listeners.get(name) ?? []) {
      try {
        ;(listener as Listener<Events[Name]>)(detail)
      } catch (error) {
        queueMicrotask(() => {
          throw error
        })
      }
    }
  }
}
