import type { ConnectionObserver } from '../websocket/websocket-connection.ts'

/** Makes one observer of two. */
export function bothObservers(
  first: ConnectionObserver | undefined,
  second: ConnectionObserver | undefined,
): ConnectionObserver | undefined {
  if (first === undefined || second === undefined) return first ?? second
  return {
    accepted(connection) {
      first.accepted(connection)
      second.accepted(connection)
    },
    refused(connection, status, reason) {
      first.refused(connection, status, reason)
      second.refused(connection, status, reason)
    },
    failed(connection, error) {
      first.failed(connection, error)
      second.failed(connection, error)
    },
    ended(connection, code) {
      first.ended(connection, code)
      second.ended(connection, code)
    },
  }
}
