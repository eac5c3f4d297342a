import { RedisScript } from '../../connection/redis-script.ts'
import { nowLua } from '../../log/scripts/time.ts'

/**
 * Sets the end of the lease of a process that stops. Has no effect without a lease.
 *
 * KEYS[1]: the leases, as in the script "announce"
 * ARGV[1]: the process
 * ARGV[2]: the length of the lease from now, in milliseconds
 */
export const retire: RedisScript = new RedisScript(`
${nowLua}
redis.call('ZADD', KEYS[1], 'XX', string.format('%.0f', now() + tonumber(ARGV[2])), ARGV[1])
`)
