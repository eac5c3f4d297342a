import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Drops expired messages. Runs before a blocking command, which does not check the age of messages.
 *
 * KEYS: queues
 * ARGV[1]: the expiry of messages, in milliseconds
 */
export const dropExpired: RedisScript = new RedisScript(`
local time = redis.call('TIME')
local oldest = tonumber(time[1]) + tonumber(time[2]) / 1000000 - tonumber(ARGV[1]) / 1000
for i = 1, #KEYS do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%.6f', oldest)) end
`)
