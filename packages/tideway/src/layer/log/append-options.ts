import { requireWholeNumber } from '../../errors/option-checks.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import type { AppendOptions } from './event-log.ts'
import {
  HEAD_TTL_MS,
  historyDefaults,
  MAX_HISTORY_SIZE,
  MAX_ID_LENGTH,
  MAX_REPLICAS,
  type History,
  type PublishOptions,
} from './kept-groups-options.ts'

/** Makes the options of an append. @throws TidewayError `ERR_BAD_OPTION` */
export function appendOptions(history: History, { id, replicas = 0 }: PublishOptions): AppendOptions {
  const { size = historyDefaults.size, ttlMs = historyDefaults.ttlMs } = history
  requireWholeNumber('history.size', size, MAX_HISTORY_SIZE)
  requireWholeNumber('history.ttlMs', ttlMs, Infinity)
  requireWholeNumber('replicas', replicas, MAX_REPLICAS, 0)
  if (id !== undefined && !(typeof id === 'string' && id.length > 0 && id.length <= MAX_ID_LENGTH)) {
    throw new TidewayError('ERR_BAD_OPTION', `The id of an event must be a string of 1 to ${MAX_ID_LENGTH} characters.`)
  }
  return {
    size,
    ttlMs,
    headTtlMs: Math.max(HEAD_TTL_MS, 10 * ttlMs),
    ...(id !== undefined && { id }),
    ...(replicas > 0 && { replicas }),
  }
}
