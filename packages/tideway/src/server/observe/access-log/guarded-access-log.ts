import { guarded } from '../../../asgi/guarded.ts'
import type { Logger } from '../../../asgi/logger.ts'
import { readableError } from '../../../errors/readable-error.ts'
import type { AccessLog } from './access-entry.ts'

/** The access log as it is called: the first line that fails is reported, and the request goes on. */
export function guardedAccessLog(accessLog: AccessLog, logger: Logger): AccessLog {
  let isReported = false
  return guarded(accessLog, (error) => {
    if (isReported) return
    isReported = true
    logger.error({ err: readableError(error) }, 'The access log failed, and lines of it are lost')
  })
}
