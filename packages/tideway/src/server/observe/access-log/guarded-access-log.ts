import { guarded } from '../../../asgi/guarded.ts'
import type { Logger } from '../../../asgi/logger.ts'
import { readableError } from '../../../errors/readable-error.ts'
import type { AccessLog } from './access-entry.ts'

/** Wraps an access log so that it never throws. It reports the first failed line only. */
export function guardedAccessLog(accessLog: AccessLog, logger: Logger): AccessLog {
  let isReported = false
  return guarded(accessLog, (error) => {
    if (isReported) return
    isReported = true
    logger.error({ err: readableError(error) }, 'The access log failed: lines of it are lost')
  })
}
