import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Removes a process from one group.
 *
 * KEYS[1]: the group
 * KEYS[2]: the groups of this process
 * ARGV[1]: the group's name
 * ARGV[2]: the alias of the process in the group
 */
export const leave: RedisScript = new RedisScript(`
redis.call('ZREM', KEYS[1], ARGV[2])
if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[2], ARGV[1]) end
`)
