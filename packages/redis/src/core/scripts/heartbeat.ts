import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Renews the lease of a process. Removes processes with expired leases from all groups, and deletes their queues.
 *
 * KEYS[1]: the processes
 * ARGV[1]: the process
 * ARGV[2]: the lease of a process, in milliseconds
 * ARGV[3]: the prefix of the key of a process's groups
 * ARGV[4]: the prefix of the key of a group
 * ARGV[5]: the prefix of the key of a process's queue
 * ARGV[6]: the lifetime of a membership, in milliseconds
 * Returns the milliseconds since the last renewal, or -1 if the process has no lease and has to register all its
 * groups.
 */
export const heartbeat: RedisScript = new RedisScript(`
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local known = redis.call('ZSCORE', KEYS[1], ARGV[1])
if known then
  redis.call('ZADD', KEYS[1], string.format('%.6f', now), ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[6])
  redis.call('PEXPIRE', ARGV[3] .. ARGV[1], ARGV[6])
end
local silent = string.format('%.6f', now - tonumber(ARGV[2]) / 1000)
for _, process in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', silent)) do
  local noted = redis.call('HGETALL', ARGV[3] .. process)
  for i = 1, #noted, 2 do redis.call('ZREM', ARGV[4] .. noted[i], noted[i + 1]) end
  redis.call('DEL', ARGV[3] .. process, ARGV[5] .. process .. '!')
  redis.call('ZREM', KEYS[1], process)
end
if known then return math.max(0, math.floor((now - tonumber(known)) * 1000)) end
return -1
`)
