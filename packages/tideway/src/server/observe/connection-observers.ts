import type { ConnectionObserver } from '../websocket/websocket-connection.ts'

/** Makes one observer that calls all that are given, in order. Returns `undefined` if there is none. */
export function connectionObservers(
  candidates: readonly (ConnectionObserver | undefined)[],
): ConnectionObserver | undefined {
  const observers = candidates.filter((observer) => observer !== undefined)
  if (observers.length <= 1) return observers[0]
  return {
    accepted(connection) {
      for (const observer of observers) observer.accepted(connection)
    },
    refused(connection, status, reason) {
      for (const observer of observers) observer.refused(connection, status, reason)
    },
    failed(connection, error) {
      for (const observer of observers) observer.failed(connection, error)
    },
    ended(connection, code) {
      for (const observer of observers) observer.ended(connection, code)
    },
  }
}
