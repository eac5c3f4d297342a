import { RedisScript } from '../redis-script.ts'

/**
 * Takes a process out of one group.
 *
 * KEYS[1]: the group
 * KEYS[2]: the groups of this process
 * ARGV[1]: the group's name
 * ARGV[2]: the channel that stands for the process in it
 */
export const leave: RedisScript = new RedisScript(`
redis.call('ZREM', KEYS[1], ARGV[2])
if redis.call('HGET', KEYS[2], ARGV[1]) == ARGV[2] then redis.call('HDEL', KEYS[2], ARGV[1]) end
`)
