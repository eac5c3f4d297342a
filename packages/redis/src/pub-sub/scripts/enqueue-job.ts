import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Puts a message of a general channel into its queue, and wakes the workers. Publishes the message instead if only
 * processes of channels_redis subscribe to the channel, because they do not read the queue. In the queue, the score (17
 * characters) precedes the message, so that equal messages differ.
 *
 * KEYS[1]: the queue, a sorted set
 * KEYS[2]: the role of the process of tideway that also listens for channels_redis
 * ARGV[1]: the expiry of messages, in milliseconds
 * ARGV[2]: the message
 * ARGV[3]: the capacity of the queue
 * ARGV[4]: the Redis channel that wakes the workers
 * ARGV[5]: 'PUBLISH', or 'SPUBLISH' on a cluster
 * ARGV[6]: the Redis channel of channels_redis, or '' if there is none
 * Returns 1, or 0 if the queue was full.
 */
export const enqueueJob: RedisScript = new RedisScript(`
if ARGV[6] ~= '' and redis.call('EXISTS', KEYS[2]) == 0 and redis.call('PUBLISH', ARGV[6], ARGV[2]) > 0 then
  return 1
end
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local expiry = tonumber(ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', string.format('%.6f', now - expiry / 1000))
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[3]) then return 0 end
local score = now
local last = redis.call('ZREVRANGE', KEYS[1], 0, 0, 'WITHSCORES')[2]
if last and tonumber(last) >= score then score = tonumber(last) + 0.000001 end
local position = string.format('%017.6f', score)
redis.call('ZADD', KEYS[1], position, position .. ARGV[2])
redis.call('PEXPIRE', KEYS[1], expiry)
redis.call(ARGV[5], ARGV[4], '')
return 1
`)
