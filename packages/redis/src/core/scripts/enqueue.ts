import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Appends one message to each queue, unless the queue is full. Queues are sorted sets as in channels_redis. The score is
 * the time of the server and always above the score of the last message. This keeps the order of sends, also within one
 * microsecond.
 *
 * KEYS: the queues
 * ARGV[1]: the expiry of messages, in milliseconds
 * ARGV[2 * i], ARGV[2 * i + 1]: the message for KEYS[i], and the capacity of the queue
 * Returns the positions of the queues that were full, from 1.
 */
export const enqueue: RedisScript = new RedisScript(`
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local expiry = tonumber(ARGV[1])
local oldest = string.format('%.6f', now - expiry / 1000)
local full = {}
for i = 1, #KEYS do
  local queue = KEYS[i]
  redis.call('ZREMRANGEBYSCORE', queue, '-inf', oldest)
  if redis.call('ZCARD', queue) >= tonumber(ARGV[2 * i + 1]) then
    full[#full + 1] = i
  else
    local score = now
    local last = redis.call('ZREVRANGE', queue, 0, 0, 'WITHSCORES')[2]
    if last and tonumber(last) >= score then score = tonumber(last) + 0.000001 end
    redis.call('ZADD', queue, string.format('%.6f', score), ARGV[2 * i])
    redis.call('PEXPIRE', queue, expiry)
  end
end
return full
`)
