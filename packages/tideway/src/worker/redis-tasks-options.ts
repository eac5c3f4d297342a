import type { Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { requireWholeNumber } from '../errors/option-checks.ts'

/** Options of jobs in Redis. */
export interface RedisTasksOptions {
  /** The prefix of all keys. @default 'tideway-tasks' */
  readonly prefix?: string | undefined
  /** The longest wait for an answer of Redis, in milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined
  /**
   * The lease of a running job, in milliseconds. Another worker runs the job between one and two leases after the death of its
   * worker. A task that blocks the event loop of its worker for a whole lease runs twice at once.
   * @default 30000
   */
  readonly lockMs?: number | undefined
  /** The most worker deaths per job; then the job counts as failed, because it may kill its workers. @default 10 */
  readonly maxDeaths?: number | undefined
  /** The most successful jobs of each task that Redis keeps for inspection. @default 100 */
  readonly keepDone?: number | undefined
  /** The most failed jobs of each task that Redis keeps for inspection. @default 1000 */
  readonly keepFailed?: number | undefined
}

/** {@link RedisTasksOptions} with all fields. */
export type FullRedisTasksOptions = { readonly [Key in keyof RedisTasksOptions]-?: NonNullable<RedisTasksOptions[Key]> }

/** The defaults of {@link RedisTasksOptions}. */
export const redisTasksDefaults: FullRedisTasksOptions = Object.freeze({
  prefix: 'tideway-tasks',
  timeoutMs: 5000,
  lockMs: 30_000,
  maxDeaths: 10,
  keepDone: 100,
  keepFailed: 1000,
})

/** Settings of {@link RedisTasks}. */
export interface RedisTasksSettings extends RedisTasksOptions {
  readonly redis: string | Readonly<Record<string, unknown>>
  readonly maxWaiting: number
  readonly logger: Logger
}

/** @throws TidewayError `ERR_BAD_OPTION` */
export function fullSettings(settings: RedisTasksSettings): RedisTasksSettings & FullRedisTasksOptions {
  const given = Object.fromEntries(Object.entries(settings).filter(([, value]) => value !== undefined))
  const full = { ...redisTasksDefaults, ...(given as unknown as RedisTasksSettings & FullRedisTasksOptions) }
  for (const name of ['timeoutMs', 'lockMs', 'maxDeaths', 'keepDone', 'keepFailed'] as const) {
    requireWholeNumber(name, full[name])
  }
  requireUrl(full.redis)
  return full
}

/**
 * Checks the URL before ioredis does, because its error contains the whole URL. This error quotes nothing: in an invalid URL
 * the password cannot be found.
 */
function requireUrl(redis: RedisTasksSettings['redis']): void {
  if (typeof redis !== 'string' || !/^rediss?:\/\//i.test(redis)) return
  try {
    const { username, password, pathname, search, hash } = new URL(redis)
    decodeURIComponent(username + password)
    if (!(pathname + search + hash).includes('@')) return
  } catch {
    // The error below has no cause: the cause contains the URL.
  }
  throw new TidewayError(
    'ERR_BAD_OPTION',
    'redis of defineTasks is not a valid URL. Percent-encode the characters / # ? % and @ in a user name or password: / is %2F, # is %23.',
  )
}

/** The wait before the next call of a Redis that failed, in milliseconds. */
export const RETRY_MS = 1000

/** Options of ioredis for the connections of tasks. */
export function connectionOf({
  redis,
  timeoutMs,
}: RedisTasksSettings & FullRedisTasksOptions): Record<string, unknown> {
  const given = typeof redis === 'string' ? { url: redis } : redis
  return { connectTimeout: timeoutMs, retryStrategy: (times: number) => Math.min(times * 100, RETRY_MS), ...given }
}
