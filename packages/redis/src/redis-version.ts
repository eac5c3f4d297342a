import type { Redis } from 'ioredis'

import { UnusableRedisError } from './unavailable.ts'

/** The oldest Redis with BZPOPMIN, and with scripts that may ask for the time and write. */
export const OLDEST_VERSION = 5

/** @throws UnusableRedisError when the major version is below */
export async function requireVersion(client: Redis, oldest: number): Promise<void> {
  let info: string
  try {
    info = await client.info('server')
  } catch (error) {
    // Some services do not permit INFO: then the version is theirs to know.
    if (error instanceof Error && error.message.startsWith('NOPERM')) return
    throw error
  }
  const version = /redis_version:(\d+)\.(\S+)/.exec(info)
  if (version === null || Number(version[1]) >= oldest) return
  throw new UnusableRedisError(`is version ${version[1]}.${version[2]}, and ${oldest}.0 is the oldest that will do`)
}
