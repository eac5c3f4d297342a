import { createTimer } from './timer.ts'
import type { WebSocketConstructor } from './web-socket-port.ts'

/** The source of network and visibility events: the global scope of a window or a worker, or a test double. */
export interface LifecycleTarget extends Pick<EventTarget, 'addEventListener'> {
  readonly document?: { readonly visibilityState: string }
}

/** The parts of the global scope that the client uses. Only a window has all of them. */
export interface Scope extends Partial<LifecycleTarget> {
  readonly WebSocket?: WebSocketConstructor
  readonly document?: { readonly visibilityState: string; readonly baseURI: string }
  readonly location?: { readonly href: string }
}

/** The events that affect the connection. `visibilitychange` bubbles up to the window. */
const lifecycleEvents = ['online', 'offline', 'pagehide', 'pageshow', 'visibilitychange'] as const

/** A change in the environment of the connection. `woke`: the clock jumped, because the machine slept. */
export type EnvironmentChange = (typeof lifecycleEvents)[number] | 'woke'

/** The interval of the clock check, and the lag above it that counts as a sleep. */
const tickMs = 10_000
const sleepMs = 20_000

/** Calls `onChange` for every change. Returns a function that stops it. */
export function watchEnvironment(
  target: Partial<LifecycleTarget>,
  onChange: (change: EnvironmentChange) => void,
): () => void {
  const timer = createTimer()
  const watched = new AbortController()

  const tick = (): void => {
    // The wall clock: unlike a monotonic clock, it advances while a laptop sleeps.
    const dueAt = Date.now() + tickMs
    timer.set(tickMs, () => {
      // Browsers run the timers of a hidden page once a minute, so a late timer there is no sign of a sleep.
      const slept = Date.now() - dueAt > sleepMs && target.document?.visibilityState !== 'hidden'
      tick()
      if (slept) onChange('woke')
    })
  }
  tick()

  for (const type of lifecycleEvents) target.addEventListener?.(type, () => onChange(type), { signal: watched.signal })
  return () => {
    timer.clear()
    watched.abort()
  }
}
