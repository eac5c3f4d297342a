import { withDetails, type Logger } from '../asgi/logger.ts'

/** How much is said: 0 warnings and errors, 1 also what happens, 2 also what is normal, 3 also the details of that. */
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
