import type { Redis } from 'ioredis'

import { isForbidden, UnusableRedisError } from './unavailable.ts'

/** The oldest Redis with BZPOPMIN, and with scripts that may ask for the time and write. */
export const OLDEST_VERSION = 5

/**
 * @throws UnusableRedisError when the major version is below
 * @throws Error when Redis still loads its data
 */
export async function requireUsable(client: Redis, oldest: number): Promise<void> {
  let info: string
  try {
    info = await client.info()
  } catch (error) {
    // Some services have no INFO: then the operator has to check the version.
    if (isForbidden(error)) return
    throw error
  }
  const version = /redis_version:(\d+)\.(\S+)/.exec(info)
  if (version !== null && Number(version[1]) < oldest) {
    throw new UnusableRedisError(`is version ${version[1]}.${version[2]}, and ${oldest}.0 is the oldest that will do`)
  }
  if (/^loading:1/m.test(info)) throw new Error('LOADING Redis is loading the dataset in memory')
}
