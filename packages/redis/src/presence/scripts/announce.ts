import { RedisScript } from '../../connection/redis-script.ts'
import { nowLua } from '../../log/scripts/time.ts'

/**
 * Notes the groups in which a process may have members, before it enters them. Begins the lease of a new process.
 *
 * KEYS[1]: the leases, a sorted set: process by the end of its lease, in milliseconds
 * KEYS[2]: the groups of this process, a set
 * ARGV[1]: the process
 * ARGV[2]: the length of the lease, in milliseconds
 * ARGV[3]: '1' if the process is new
 * ARGV[4 …]: the groups
 * Returns 1, or 0 if the process has no lease and is not new: nothing is noted.
 */
export const announce: RedisScript = new RedisScript(`
${nowLua}
if not redis.call('ZSCORE', KEYS[1], ARGV[1]) then
  if ARGV[3] ~= '1' then return 0 end
  redis.call('ZADD', KEYS[1], string.format('%.0f', now() + tonumber(ARGV[2])), ARGV[1])
end
for i = 4, #ARGV do redis.call('SADD', KEYS[2], ARGV[i]) end
return 1
`)
