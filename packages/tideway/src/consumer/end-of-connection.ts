import { TidewayError } from '../errors/tideway-error.ts'

/**
 * The errors of `send` that mean that the connection accepts no more events: it has ended, was closed because its client does
 * not read, or was answered by the server at the time-out.
 */
const tooLateCodes: ReadonlySet<string> = new Set([
  'ERR_CONNECTION_CLOSED',
  'ERR_SLOW_CONSUMER',
  'ERR_APPLICATION_TIMEOUT',
])

/**
 * Whether a send failed because its connection has ended.
 * @param isOver the consumer has ended or has sent its last event
 */
export function isTooLate(error: unknown, isOver: boolean): boolean {
  if (!(error instanceof TidewayError)) return false
  return tooLateCodes.has(error.code) || (isOver && error.code === 'ERR_OUT_OF_TURN')
}

/** Maximum sends after the end of one consumer that return at once. */
export const LATE_SENDS_AT_ONCE = 1000

/** The pause of each further one, in milliseconds. */
const LATE_SEND_MS = 100

let pause: Promise<void> | undefined

/**
 * The pause of a send after the end. Otherwise a loop that sends without checking `this.signal` would block the event loop
 * permanently. All sends share one unreferenced timer.
 */
export function lateSendPause(): Promise<void> {
  pause ??= new Promise((resolve) => {
    setTimeout(() => {
      pause = undefined
      resolve()
    }, LATE_SEND_MS).unref()
  })
  return pause
}

/** Whether the error comes from the abort of the signal: its reason, or an `AbortError` of Node with the reason as its cause. */
export function isAbortOf(signal: AbortSignal | undefined, error: unknown): boolean {
  if (signal?.aborted !== true) return false
  return (
    error === signal.reason || (error instanceof Error && error.name === 'AbortError' && error.cause === signal.reason)
  )
}
