import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Returns the processes of tideway that are in a group.
 *
 * KEYS[1]: the processes
 * Returns their names.
 */
export const processNames: RedisScript = new RedisScript(`
return redis.call('ZRANGE', KEYS[1], 0, -1)
`)
