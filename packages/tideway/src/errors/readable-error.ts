import { types } from 'node:util'

/**
 * Returns the thrown value, or a new `Error` if reading the value could throw: a `Proxy`, or an error with a getter that
 * throws. Code that reports errors must not throw itself.
 */
export function readableError(thrown: unknown): unknown {
  if (types.isProxy(thrown)) return new Error('The application threw a Proxy, which cannot be reported.')
  if (!types.isNativeError(thrown)) return thrown
  try {
    // Reads the properties, because a getter may throw.
    void [thrown.name, thrown.message, thrown.cause]
    return thrown
  } catch {
    return new Error('The application threw an error whose properties cannot be read.')
  }
}
