import type { Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { requirePositive } from './options.ts'

/** How jobs are kept in Redis. */
export interface RedisTasksOptions {
  /** What the names of all keys begin with. @default 'tideway-tasks' */
  readonly prefix?: string | undefined
  /** How long Redis may take to answer, in milliseconds. @default 5000 */
  readonly timeoutMs?: number | undefined
  /**
   * How long after the death of its worker a job is run by another, in milliseconds; up to twice as long passes. A task that
   * blocks the event loop of its worker for so long is run a second time beside it.
   * @default 30000
   */
  readonly lockMs?: number | undefined
  /** How many workers may die at a job before it counts as failed: it may be the job that kills them. @default 10 */
  readonly maxDeaths?: number | undefined
  /** The most jobs of each task that are kept when they are done, for a look at them. @default 100 */
  readonly keepDone?: number | undefined
  /** The most jobs of each task that are kept when they have failed. @default 1000 */
  readonly keepFailed?: number | undefined
}

/** {@link RedisTasksOptions} with nothing left out. */
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

/** What {@link RedisTasks} needs beside the tasks. */
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
    requirePositive(name, full[name])
  }
  requireUrl(full.redis)
  return full
}

/**
 * Checks what the client would refuse by an error that holds the whole URL. This one quotes nothing of it: where a URL cannot be
 * parsed, the part that is the password is not known.
 */
function requireUrl(redis: RedisTasksSettings['redis']): void {
  if (typeof redis !== 'string' || !/^rediss?:\/\//i.test(redis)) return
  try {
    const { username, password, pathname, search, hash } = new URL(redis)
    decodeURIComponent(username + password)
    if (!(pathname + search + hash).includes('@')) return
  } catch {
    // Its cause would hold the URL.
  }
  throw new TidewayError(
    'ERR_BAD_OPTION',
    'redis of defineTasks is not a valid URL. Percent-encode the characters / # ? % and @ in a user name or password: / is %2F, # is %23.',
  )
}

/** How long is waited before a Redis that has failed is asked again, in milliseconds. */
export const RETRY_MS = 1000

/** What connections to Redis are made with. */
export function connectionOf({
  redis,
  timeoutMs,
}: RedisTasksSettings & FullRedisTasksOptions): Record<string, unknown> {
  const given = typeof redis === 'string' ? { url: redis } : redis
  return { connectTimeout: timeoutMs, retryStrategy: (times: number) => Math.min(times * 100, RETRY_MS), ...given }
}
