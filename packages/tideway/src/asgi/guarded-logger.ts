import { readableError } from '../errors/readable-error.ts'
import { guarded } from './guarded.ts'
import { consoleLogger, type Logger } from './logger.ts'

const guardedLoggers = new WeakSet<Logger>()

/**
 * The logger as a server calls it: one that throws, or rejects, is reported to the console once, and nothing else fails
 * because of it.
 */
export function guardedLogger(logger: Logger): Logger {
  if (guardedLoggers.has(logger)) return logger
  let isReported = false
  const failed = (error: unknown): void => {
    if (isReported) return
    isReported = true
    // A logger of its own: the one that there is has just failed.
    consoleLogger.error({ err: readableError(error) }, 'The logger failed, and lines of it are lost')
  }
  // What else a logger has, such as the `child` of pino, stays reachable.
  const own: Logger = Object.assign(Object.create(logger) as Logger, {
    debug: guarded((details: object, message: string) => logger.debug(details, message), failed),
    info: guarded((details: object, message: string) => logger.info(details, message), failed),
    warn: guarded((details: object, message: string) => logger.warn(details, message), failed),
    error: guarded((details: object, message: string) => logger.error(details, message), failed),
  })
  guardedLoggers.add(own)
  return own
}
