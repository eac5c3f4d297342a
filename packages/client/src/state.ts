/** Why a client is permanently closed. */
export type ClosedWhy =
  /** `close()` was called. */
  | 'called'
  /** The server sent a close code of `stopCodes`. */
  | 'stopped'
  /** The URL, the subprotocols or the page's security rules allow no connection, so a retry cannot succeed. */
  | 'misconfigured'

/** How a live client is connected: by WebSocket, by a stream of events over HTTP, or by polling. */
export type Transport = 'websocket' | 'stream' | 'poll'

/** The state of a connection. Every change creates a new object, so UI libraries can compare by identity. */
export type ConnectionState =
  | { readonly status: 'connecting'; /** Counts from 1. */ readonly attempt: number }
  | { readonly status: 'open'; /** The transport in use. Only of a live client. */ readonly transport?: Transport }
  | {
      readonly status: 'reconnecting'
      /** The number of the next attempt; counts from 1. */
      readonly attempt: number
      /** The time of the next attempt, comparable with `Date.now()`. `Infinity` while the page is in the back/forward cache. */
      readonly retryAt: number
      /** The whole delay before the next attempt, independent of the clock. `Infinity` like `retryAt`. */
      readonly delayMs: number
      /** The close code and reason of the lost connection. 1006 if there was no close frame. */
      readonly code: number
      readonly reason: string
    }
  | { readonly status: 'closed'; readonly why: ClosedWhy; readonly code: number; readonly reason: string }

/** Describes the state in English: "reconnecting in 3 s, attempt 4". `now` is a time of `Date.now()`. */
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
 * Returns the whole seconds until the next attempt, 0 in every other state. `now` is a time of `Date.now()`. Never more
 * than the whole delay, even if the clock went back.
 */
export function secondsLeft(state: ConnectionState, now: number = Date.now()): number {
  return state.status === 'reconnecting'
    ? Math.max(0, Math.ceil(Math.min(state.retryAt - now, state.delayMs) / 1_000))
    : 0
}
