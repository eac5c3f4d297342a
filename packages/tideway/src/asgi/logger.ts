/**
 * Where a server and its consumers report. The subset of pino's logger that is needed, so that a pino instance fits
 * as it is; {@link consoleLogger} is the default.
 */
export interface Logger {
  debug(details: object, message: string): void
  info(details: object, message: string): void
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

/** Writes warnings and errors to standard error and information to standard output; debug lines are left out. */
export const consoleLogger: Logger = {
  debug() {},
  info(_details, message) {
    console.log(message)
  },
  warn(details, message) {
    console.warn(message, details)
  },
  error(details, message) {
    console.error(message, details)
  },
}
