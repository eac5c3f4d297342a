import { inspect } from 'node:util'

/**
 * Where a server and its consumers report. The subset of pino's logger that is needed, so that a pino instance fits
 * as it is; {@link consoleLogger} is the default.
 */
export interface Logger {
  /** What is of use while developing: a path without a route, for instance. */
  debug(details: object, message: string): void
  /** What happens in the normal course of things. */
  info(details: object, message: string): void
  /** What goes on, but should be looked at. */
  warn(details: object, message: string): void
  /** What failed. An error is in `details.err`, as pino has it. */
  error(details: object, message: string): void
}

/** Writes warnings and errors to standard error and information to standard output; debug lines are left out. */
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

/** A message with its details: one line, and below it the error with its stack if there is one. */
export function withDetails(message: string, details: object): string {
  const { err, ...rest } = details as { readonly err?: unknown }
  const inline =
    Object.keys(rest).length === 0 ? '' : ` ${inspect(rest, { breakLength: Number.POSITIVE_INFINITY, compact: true })}`
  return err === undefined ? message + inline : `${message}${inline}\n${inspect(err)}`
}
