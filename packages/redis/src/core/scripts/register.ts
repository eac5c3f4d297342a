import { RedisScript } from '../../connection/redis-script.ts'

/**
 * Adds a process to groups, or renews its memberships. Also stores the groups of the process, so that others can remove the
 * process if it dies.
 *
 * KEYS[1]: the processes, a sorted set by the time of their last heartbeat
 * KEYS[2]: the groups of this process, a hash from group name to the alias of the process
 * ARGV[1]: the process
 * ARGV[2]: the prefix of the key of a group
 * ARGV[3]: the lifetime of a membership, in milliseconds
 * ARGV[4]: '1' to remove the process from all other groups
 * ARGV[5 …]: group, alias, group, alias …
 */
export const register: RedisScript = new RedisScript(`
local time = redis.call('TIME')
local now = string.format('%.6f', tonumber(time[1]) + tonumber(time[2]) / 1000000)
if ARGV[4] == '1' then
  local noted = redis.call('HGETALL', KEYS[2])
  for i = 1, #noted, 2 do redis.call('ZREM', ARGV[2] .. noted[i], noted[i + 1]) end
  redis.call('DEL', KEYS[2])
end
for i = 5, #ARGV, 2 do
  local key = ARGV[2] .. ARGV[i]
  redis.call('ZADD', key, now, ARGV[i + 1])
  redis.call('PEXPIRE', key, ARGV[3])
  redis.call('HSET', KEYS[2], ARGV[i], ARGV[i + 1])
end
if #ARGV > 4 then
  redis.call('ZADD', KEYS[1], now, ARGV[1])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[2], ARGV[3])
end
`)
