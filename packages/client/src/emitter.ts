/** A listener of one event. */
export type Listener<T> = (detail: T) => unknown

/** A typed event emitter. `Events` maps each name to its detail. */
export interface Emitter<Events extends object> {
  /** Adds a listener. Returns a function that removes it. */
  on<Name extends keyof Events>(name: Name, listener: Listener<Events[Name]>): () => void
  /** Calls the listeners. An error of one reaches neither the others nor the caller: the platform reports it as uncaught. */
  emit<Name extends keyof Events>(name: Name, detail: Events[Name]): void
}

/** Creates an emitter without listeners. */
export function createEmitter<Events extends object>(): Emitter<Events> {
  const listeners = new Set<readonly [name: keyof Events, listener: Listener<never>]>()
  return {
    on(name, listener) {
      // Each call adds its own pair: a listener that is added twice is called twice and removed once.
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
