import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Puts messages back to their old positions if their receivers have gone or are full.
 *
 * KEYS[1]: the queue
 * ARGV[1]: the expiry of messages, in milliseconds
 * ARGV[2 …]: message, score, message, score …
 */
export const requeue: RedisScript = new RedisScript(`
for i = 2, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
`)
