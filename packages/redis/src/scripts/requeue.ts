import { RedisScript } from '../redis-script.ts'

/**
 * Puts messages back where they were taken from, since whoever asked for them does not wait any more.
 *
 * KEYS[1]: the queue
 * ARGV[1]: how long a message waits, in milliseconds
 * ARGV[2 …]: message, score, message, score …
 */
export const requeue: RedisScript = new RedisScript(`
for i = 2, #ARGV, 2 do redis.call('ZADD', KEYS[1], ARGV[i + 1], ARGV[i]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
`)
