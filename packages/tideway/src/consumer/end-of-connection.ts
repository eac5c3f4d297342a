import { TidewayError } from '../errors/tideway-error.ts'

/** Whether the error says that something was sent on a connection that has ended. */
export function isConnectionClosed(error: unknown): boolean {
  return error instanceof TidewayError && error.code === 'ERR_CONNECTION_CLOSED'
}

/** Whether the error is what somebody who was waiting with the signal throws when it aborts: its reason, or Node's error around it. */
export function isAbortOf(signal: AbortSignal | undefined, error: unknown): boolean {
  if (signal?.aborted !== true) return false
  return (
    error === signal.reason || (error instanceof Error && error.name === 'AbortError' && error.cause === signal.reason)
  )
}
