import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Takes, renews or releases a role that one process has at a time. The role expires.
 *
 * KEYS[1]: the role
 * ARGV[1]: the process
 * ARGV[2]: the lease, in milliseconds; 0 releases the role
 * Returns 1 if the process has the role, otherwise 0.
 */
export const hold: RedisScript = new RedisScript(`
local holder = redis.call('GET', KEYS[1])
if holder and holder ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then
  redis.call('DEL', KEYS[1])
  return 0
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 1
`)
