import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Puts messages back to their old positions if their receivers have gone or are full, and wakes other workers.
 *
 * KEYS[1]: the queue
 * ARGV[1]: the expiry of messages, in milliseconds
 * ARGV[2]: the Redis channel that wakes the workers
 * ARGV[3]: 'PUBLISH', or 'SPUBLISH' on a cluster
 * ARGV[4 …]: message, score, message, score …
 */
export const requeueJob: RedisScript = new RedisScript(`
for i = 4, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
redis.call(ARGV[3], ARGV[2], '')
`)
