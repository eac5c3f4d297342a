import { types } from 'node:util'

/**
 * The thrown value, or an `Error` in its place when it cannot be looked at without another throw: a `Proxy`, or an error with a
 * getter that throws. What reports an error must not fail itself.
 */
export function readableError(thrown: unknown): unknown {
  if (types.isProxy(thrown)) return new Error('The application threw a Proxy, which cannot be reported.')
  if (!types.isNativeError(thrown)) return thrown
  try {
    // Read, and not used: a getter may throw.
    void [thrown.name, thrown.message, thrown.cause]
    return thrown
  } catch {
    return new Error('The application threw an error whose properties cannot be read.')
  }
}
