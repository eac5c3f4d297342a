import { inspect } from 'node:util'

/**
 * The logger of a server and its consumers: a subset of pino's logger, so a pino instance fits. {@link consoleLogger} is the
 * default.
 */
export interface Logger {
  /** Details for development, such as a path without a route. */
  debug(details: object, message: string): void
  /** Normal operation. */
  info(details: object, message: string): void
  /** A problem that does not stop the operation. */
  warn(details: object, message: string): void
  /** A failure. The error is in `details.err`, as in pino. */
  error(details: object, message: string): void
}

/** Writes warnings and errors to standard error and information to standard output; drops debug lines. */
export const consoleLogger: Logger = {
  debug() {},
  info(_details, message) {
    console.log(message)
  },
  warn(details, message) {
    console.warn(withDetails(message, details))
  },
  error(details, message) {
    console.error(withDetails(message, details))
  },
}

/** Formats a message with its details in one line, followed by the error with its stack if there is one. */
export function withDetails(message: string, details: object): string {
  const { err, ...rest } = details as { readonly err?: unknown }
  const inline =
    Object.keys(rest).length === 0 ? '' : ` ${inspect(rest, { breakLength: Number.POSITIVE_INFINITY, compact: true })}`
  return err === undefined ? message + inline : `${message}${inline}\n${inspect(err)}`
}
