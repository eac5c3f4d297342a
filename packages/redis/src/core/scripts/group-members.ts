import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Returns the members of a group, and removes expired members.
 *
 * KEYS[1]: the group, a sorted set of channel names by the time of their addition
 * ARGV[1]: the lifetime of a membership, in milliseconds
 * Returns the names of channels.
 */
export const groupMembers: RedisScript = new RedisScript(`
local time = redis.call('TIME')
local oldest = tonumber(time[1]) + tonumber(time[2]) / 1000000 - tonumber(ARGV[1]) / 1000
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', oldest))
return redis.call('ZRANGE', KEYS[1], 0, -1)
`)
