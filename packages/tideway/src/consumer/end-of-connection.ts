import { TidewayError } from '../errors/tideway-error.ts'

/** Whether the error says that something was sent on a connection that has ended. */
export function isConnectionClosed(error: unknown): boolean {
  return error instanceof TidewayError && error.code === 'ERR_CONNECTION_CLOSED'
}

/**
 * What `send` of an application throws when it is too late for any event: the connection has ended, was closed because its
 * client does not read, or was answered by the server because the time for an answer was over.
 */
const tooLateCodes: ReadonlySet<string> = new Set([
  'ERR_CONNECTION_CLOSED',
  'ERR_SLOW_CONSUMER',
  'ERR_APPLICATION_TIMEOUT',
])

/**
 * Whether a send failed because its connection has ended.
 * @param isOver the consumer itself has ended, or has sent its last event: nothing is its turn any more
 */
export function isTooLate(error: unknown, isOver: boolean): boolean {
  if (!(error instanceof TidewayError)) return false
  return tooLateCodes.has(error.code) || (isOver && error.code === 'ERR_OUT_OF_TURN')
}

/** Sends after the end of one consumer that return at once. */
export const LATE_SENDS_AT_ONCE = 1000

/** How long each further one takes, in milliseconds. */
const LATE_SEND_MS = 100

let pause: Promise<void> | undefined

/**
 * What a send after the end waits for: a loop that sends and never looks at `this.signal` would else hold the event loop
 * for ever, since nothing ends it. One timer for all, which keeps no process alive.
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

/** Whether the error is what somebody who was waiting with the signal throws when it aborts: its reason, or Node's error around it. */
export function isAbortOf(signal: AbortSignal | undefined, error: unknown): boolean {
  if (signal?.aborted !== true) return false
  return (
    error === signal.reason || (error instanceof Error && error.name === 'AbortError' && error.cause === signal.reason)
  )
}
