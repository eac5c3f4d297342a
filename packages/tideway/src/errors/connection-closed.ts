import { TidewayError } from './tideway-error.ts'

/** The error of a send on a WebSocket that has ended. */
export function connectionClosedError(): TidewayError {
  return new TidewayError('ERR_CONNECTION_CLOSED', 'The connection has ended: nothing can be sent on it.')
}

/** Whether the error is that of a send on an ended connection. */
export function isConnectionClosed(error: unknown): boolean {
  return error instanceof TidewayError && error.code === 'ERR_CONNECTION_CLOSED'
}
