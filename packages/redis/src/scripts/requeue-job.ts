import { RedisScript } from '../redis-script.ts'

/**
 * Puts messages back where they were taken from, since whoever asked for them does not wait any more, and wakes the
 * others.
 *
 * KEYS[1]: the queue
 * ARGV[1]: how long a message waits, in milliseconds
 * ARGV[2]: the Redis channel that wakes the workers
 * ARGV[3]: 'PUBLISH', or 'SPUBLISH' on a cluster
 * ARGV[4 …]: message, score, message, score …
 */
export const requeueJob: RedisScript = new RedisScript(`
for i = 4, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call(ARGV[3], ARGV[2], '')
`)
