import { withDetails, type Logger } from '../asgi/logger.ts'

/** The verbosity of the console: 0 warnings and errors, 1 also `info`, 2 also `debug`, 3 also details. */
export type Verbosity = 0 | 1 | 2 | 3

/** Writes warnings and errors to standard error, the rest to standard output. */
export function consoleLogger(verbosity: Verbosity): Logger {
  return {
    debug(details, message) {
      if (verbosity >= 2) console.log(verbosity >= 3 ? withDetails(message, details) : message)
    },
    info(details, message) {
      if (verbosity >= 1) console.log(verbosity >= 3 ? withDetails(message, details) : message)
    },
    warn(details, message) {
      console.warn(withDetails(message, details))
    },
    error(details, message) {
      console.error(withDetails(message, details))
    },
  }
}
