import { RedisScript } from '../../connection/redis-script.ts'
import { nowLua } from '../../log/scripts/time.ts'

/**
 * Takes the leases that have ended, and returns their processes with their groups. Each process is returned to one caller, and again
 * to another one if it was not buried in time. A process that returns finds no lease, and takes another name.
 *
 * KEYS[1]: the leases, as in the script "announce"
 * KEYS[2]: the dead processes, a sorted set by the time at which they were returned last
 * ARGV[1]: the time after which a dead process is returned again, in milliseconds
 * ARGV[2]: the prefix of the key of the groups of a process
 * ARGV[3 …]: process, group, process, group …: processes with members in the group, which are dead if they have no lease
 * Returns {process, {group …}, process, {group …} …}.
 */
export const sweep: RedisScript = new RedisScript(`
${nowLua}
local time = now()
for i = 3, #ARGV, 2 do
  if not redis.call('ZSCORE', KEYS[1], ARGV[i]) then
    redis.call('SADD', ARGV[2] .. ARGV[i], ARGV[i + 1])
    redis.call('ZADD', KEYS[2], 'NX', 0, ARGV[i])
  end
end
for _, process in ipairs(redis.call('ZRANGEBYSCORE', KEYS[1], '-inf', string.format('%.0f', time))) do
  redis.call('ZREM', KEYS[1], process)
  redis.call('ZADD', KEYS[2], 0, process)
end
local found = {}
local latest = string.format('%.0f', time - tonumber(ARGV[1]))
for _, process in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], '-inf', latest)) do
  redis.call('ZADD', KEYS[2], string.format('%.0f', time), process)
  found[#found + 1] = process
  found[#found + 1] = redis.call('SMEMBERS', ARGV[2] .. process)
end
return found
`)
