import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Forgets a dead process whose members are removed.
 *
 * KEYS[1]: the dead processes, as in the script "sweep"
 * KEYS[2]: the groups of the process
 * ARGV[1]: the process
 */
export const bury: RedisScript = new RedisScript(`
redis.call('ZREM', KEYS[1], ARGV[1])
redis.call('DEL', KEYS[2])
`)
