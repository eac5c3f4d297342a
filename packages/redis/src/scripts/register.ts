import { RedisScript } from '../redis-script.ts'

/**
 * Makes a process a member of groups, or makes its membership young again. What the process is in is noted beside the
 * groups, for others to take it out should it die.
 *
 * KEYS[1]: the processes, a sorted set by the time of their last sign of life
 * KEYS[2]: the groups of this process, a hash of their names to the channel that stands for the process in them
 * ARGV[1]: the process
 * ARGV[2]: what comes before the name in the key of a group
 * ARGV[3]: how long a membership lasts, in milliseconds
 * ARGV[4]: '1' where the process is in no other groups than these: what is noted besides is removed
 * ARGV[5 …]: group, channel, group, channel …
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
