import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Takes the oldest messages of a queue that have not expired.
 *
 * KEYS[1]: the queue
 * ARGV[1]: the expiry of messages, in milliseconds
 * ARGV[2]: maximum number of messages
 * Returns message, score, message, score …
 */
export const dequeue: RedisScript = new RedisScript(`
local time = redis.call('TIME')
local oldest = string.format('%.6f', tonumber(time[1]) + tonumber(time[2]) / 1000000 - tonumber(ARGV[1]) / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', oldest)
return redis.call('ZPOPMIN', KEYS[1], ARGV[2])
`)
