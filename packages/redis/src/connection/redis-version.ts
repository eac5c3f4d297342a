import type { Redis } from 'ioredis'

import { isForbidden, UnusableRedisError } from './redis-errors.ts'

/** The oldest Redis with BZPOPMIN, and with scripts that may read the time and write. */
export const OLDEST_VERSION = 5

/**
 * @throws UnusableRedisError if the major version is lower
 * @throws Error if Redis is still loading its data
 */
export async function requireUsable(client: Redis, oldest: number): Promise<void> {
  let info: string
  try {
    info = await client.info()
  } catch (error) {
    // Some services do not permit INFO. Then the operator has to check the version.
    if (isForbidden(error)) return
    throw error
  }
  const version = /redis_version:(\d+)\.(\S+)/.exec(info)
  if (version !== null && Number(version[1]) < oldest) {
    throw new UnusableRedisError(`is version ${version[1]}.${version[2]}: version ${oldest}.0 or later is required`)
  }
  if (/^loading:1/m.test(info)) throw new Error('LOADING Redis is loading the dataset in memory')
}
