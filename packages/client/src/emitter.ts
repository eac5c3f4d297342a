/** A listener of one event. */
export type Listener<T> = (detail: T) => unknown

/** Typed events, from name to detail. */
export interface Emitter<Events extends object> {
  /** Calls the listener at each event of the name, until the function that it returns is called. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void
  /** A listener that throws stops neither the others nor the caller: the platform reports what it threw as uncaught. */
  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void
}

/** Makes an emitter without listeners. */
export function createEmitter<Events extends object>(): Emitter<Events> {
  const listeners = new Set<readonly [name: keyof Events, listener: Listener<never>]>()
  return {
    on(name, listener) {
      // A pair of its own, so that a listener that was added twice is called twice and removed once.
      const pair = [name, listener] as const
      listeners.add(pair)
      return () => listeners.delete(pair)
    },
    emit<Name extends keyof Events>(name: Name, detail: Events[Name]) {
      for (const [of, listener] of listeners) {
        if (of !== name) continue
        try {
          ;(listener as Listener<Events[Name]>)(detail)
        } catch (error) {
          queueMicrotask(() => {
            throw error
          })
        }
      }
    },
  }
}
