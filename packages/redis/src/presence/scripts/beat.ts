import { RedisScript } from '../../connection/redis-script.ts'
import { nowLua } from '../../log/scripts/time.ts'

/**
 * Renews the lease of a process, and forgets groups in which it has no more members. Changes nothing without a lease.
 *
 * KEYS[1]: the leases, as in the script "announce"
 * KEYS[2]: the groups of this process
 * ARGV[1]: the process
 * ARGV[2]: the length of the lease from now, in milliseconds
 * ARGV[3 …]: the groups to forget
 * Returns {1, or 0 without a lease; the time in milliseconds}.
 */
export const beat: RedisScript = new RedisScript(`
${nowLua}
local time = now()
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then return {0, time} end
redis.call('ZADD', KEYS[1], string.format('%.0f', time + tonumber(ARGV[2])), ARGV[1])
for i = 3, #ARGV do redis.call('SREM', KEYS[2], ARGV[i]) end
return {1, time}
`)
