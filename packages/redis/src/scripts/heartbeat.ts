import { RedisScript } from '../redis-script.ts'

/**
 * Renews the lease of a process, and takes the processes whose leases are over out of all groups, with their queues.
 *
 * KEYS[1]: the processes
 * ARGV[1]: the process
 * ARGV[2]: how long a process may be silent, in milliseconds
 * ARGV[3]: what comes before the name of a process in the key of its groups
 * ARGV[4]: what comes before the name of a group in its key
 * ARGV[5]: what comes before the name of a process in the key of its queue
 * ARGV[6]: how long a membership lasts, in milliseconds
 * Returns how many milliseconds ago the lease was renewed last, or -1 where the process has none (any more) and has to
 * register all its groups.
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
