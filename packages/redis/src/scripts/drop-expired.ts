import { RedisScript } from '../redis-script.ts'

/**
 * Drops the messages that nobody took in time: before a blocking command, which does not look at their age.
 *
 * KEYS: queues
 * ARGV[1]: how long a message waits, in milliseconds
 */
export const dropExpired: RedisScript = new RedisScript(`
local time = redis.call('TIME')
local oldest = tonumber(time[1]) + tonumber(time[2]) / 1000000 - tonumber(ARGV[1]) / 1000
for i = 1, #KEYS do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', string.format('%.6f', oldest)) end
`)
