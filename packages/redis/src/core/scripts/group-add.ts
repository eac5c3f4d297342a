import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Adds a channel of another process or a general channel to a group.
 *
 * KEYS[1]: the group
 * ARGV[1]: the lifetime of a membership, in milliseconds
 * ARGV[2]: the channel
 */
export const groupAdd: RedisScript = new RedisScript(`
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], string.format('%.6f', tonumber(time[1]) + tonumber(time[2]) / 1000000), ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
`)
