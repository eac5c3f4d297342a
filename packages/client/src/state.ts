/** Why a client is closed for good. */
export type ClosedWhy =
  /** `close()` was called. */
  | 'called'
  /** The server sent a close code that means stop. */
  | 'stopped'
  /** The URL, the subprotocols or the page's security rules allow no connection: trying again would not help. */
  | 'misconfigured'

/** Where the connection is. Every change is a new object, so that a UI library can compare by identity. */
export type ConnectionState =
  | { readonly status: 'connecting'; /** Counts from 1. */ readonly attempt: number }
  | { readonly status: 'open' }
  | {
      readonly status: 'reconnecting'
      /** The attempt that comes next; counts from 1. */
      readonly attempt: number
      /** When it comes, as `Date.now()` tells time; `Infinity` while the page is in the back/forward cache. */
      readonly retryAt: number
      /** How long the client waits for it in all, whatever happens to the clock; `Infinity` like `retryAt`. */
      readonly delayMs: number
      /** The close code and reason of the connection that was lost; 1006 where there was no close frame. */
      readonly code: number
      readonly reason: string
    }
  | { readonly status: 'closed'; readonly why: ClosedWhy; readonly code: number; readonly reason: string }

/** The state in a few English words: "reconnecting in 3 s, attempt 4". `now` is what `Date.now()` returns. */
export function describeState(state: ConnectionState, now: number = Date.now()): string {
  if (state.status === 'open') return 'open'
  if (state.status === 'connecting') return state.attempt > 1 ? `connecting, attempt ${state.attempt}` : 'connecting'
  if (state.status === 'reconnecting')
    return Number.isFinite(state.retryAt)
      ? `reconnecting in ${secondsLeft(state, now)} s, attempt ${state.attempt}`
      : 'waiting for the page to be shown'
  const why = { called: '', stopped: ' by the server', misconfigured: '' }[state.why]
  return `closed${why}${state.reason && `: ${state.reason}`}`
}

/**
 * The whole seconds until the next attempt; 0 in every other state. `now` is what `Date.now()` returns. At most the whole
 * wait, also when the clock went back.
 */
export function secondsLeft(state: ConnectionState, now: number = Date.now()): number {
  return state.status === 'reconnecting'
    ? Math.max(0, Math.ceil(Math.min(state.retryAt - now, state.delayMs) / 1_000))
    : 0
}
