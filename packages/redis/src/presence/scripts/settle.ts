import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Forgets people who have left, and whom the script "leave" has kept.
 *
 * KEYS[1]: the people of the process who have left, as in the script "leave"
 * ARGV[1 …]: their last members
 */
export const settle: RedisScript = new RedisScript(`
redis.call('HDEL', KEYS[1], unpack(ARGV))
`)
