import { createTimer } from './timer.ts'
import type { WebSocketConstructor } from './web-socket-port.ts'

/** Where a page tells of changes: the global scope of a window or a worker, or a test's stand-in. */
export interface Page extends Pick<EventTarget, 'addEventListener'> {
  readonly document?: { readonly visibilityState: string }
}

/** The parts of the global scope that the client uses. No runtime but a window has all of them. */
export interface Scope extends Partial<Page> {
  readonly WebSocket?: WebSocketConstructor
  readonly document?: { readonly visibilityState: string; readonly baseURI: string }
  readonly location?: { readonly href: string }
}

/** The events of a page that the connection heeds; `visibilitychange` bubbles up to the window. */
const pageEvents = ['online', 'offline', 'pagehide', 'pageshow', 'visibilitychange'] as const

/** What happened around the connection. `woke`: the clock jumped, so the machine slept. */
export type EnvironmentChange = (typeof pageEvents)[number] | 'woke'

/** How often the clock is looked at, and how far beyond that it must be for a sleep. */
const tickMs = 10_000
const sleepMs = 20_000

/** Tells of every change until the function that it returns is called. */
export function watchEnvironment(page: Partial<Page>, tell: (change: EnvironmentChange) => void): () => void {
  const timer = createTimer()
  const watched = new AbortController()

  const tick = (): void => {
    // The wall clock: unlike a monotonic one it goes on while a laptop sleeps.
    const dueAt = Date.now() + tickMs
    timer.set(tickMs, () => {
      // Browsers run the timers of a hidden page once a minute: there a late timer says nothing.
      const slept = Date.now() - dueAt > sleepMs && page.document?.visibilityState !== 'hidden'
      tick()
      if (slept) tell('woke')
    })
  }
  tick()

  for (const type of pageEvents) page.addEventListener?.(type, () => tell(type), { signal: watched.signal })
  return () => {
    timer.clear()
    watched.abort()
  }
}
