import { RedisScript } from '../redis-script.ts'

/**
 * Gives a message of a general channel to one worker: puts it into the queue of the channel and wakes those who wait for
 * it. Where only processes of channels_redis listen to the channel itself, it is published to them instead, which is all
 * that they know. In the queue a message has its score in front, 17 characters, so that equal ones are two.
 *
 * KEYS[1]: the queue, a sorted set
 * KEYS[2]: the key that a process of tideway holds which also listens for channels_redis
 * ARGV[1]: how long a message waits, in milliseconds
 * ARGV[2]: the message
 * ARGV[3]: how many messages may wait
 * ARGV[4]: the Redis channel that wakes the workers
 * ARGV[5]: 'PUBLISH', or 'SPUBLISH' on a cluster
 * ARGV[6]: the Redis channel of channels_redis, or '' where there is none
 * Returns 1, or 0 where the queue was full.
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
