import { RedisScript } from '../redis-script.ts'

/**
 * Adds a channel of another process to a group, or one that is received from by whoever comes.
 *
 * KEYS[1]: the group
 * ARGV[1]: how long a membership lasts, in milliseconds
 * ARGV[2]: the channel
 */
export const groupAdd: RedisScript = new RedisScript(`
local time = redis.call('TIME')
redis.call('ZADD', KEYS[1], string.format('%.6f', tonumber(time[1]) + tonumber(time[2]) / 1000000), ARGV[2])
redis.call('PEXPIRE', KEYS[1], ARGV[1])
`)
