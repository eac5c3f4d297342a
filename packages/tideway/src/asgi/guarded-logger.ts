import { readableError } from '../errors/readable-error.ts'
import { guarded } from './guarded.ts'
import { consoleLogger, type Logger } from './logger.ts'

const guardedLoggers = new WeakSet<Logger>()

/**
 * Wraps the logger of a server: if it throws or rejects, the console gets one report, and the caller gets no error.
 */
export function guardedLogger(logger: Logger): Logger {
  if (guardedLoggers.has(logger)) return logger
  let isReported = false
  const failed = (error: unknown): void => {
    if (isReported) return
    isReported = true
    consoleLogger.error({ err: readableError(error) }, 'The logger failed, and lines of it are lost')
  }
  // Other methods of the logger, such as `child` of pino, stay reachable.
  const own: Logger = Object.assign(Object.create(logger) as Logger, {
    debug: guarded((details: object, message: string) => logger.debug(details, message), failed),
    info: guarded((details: object, message: string) => logger.info(details, message), failed),
    warn: guarded((details: object, message: string) => logger.warn(details, message), failed),
    error: guarded((details: object, message: string) => logger.error(details, message), failed),
  })
  guardedLoggers.add(own)
  return own
}
