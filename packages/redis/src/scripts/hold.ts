import { RedisScript } from '../redis-script.ts'

/**
 * Takes a role that one process has at a time, or keeps it: for a while, then whoever asks first has it.
 *
 * KEYS[1]: the role
 * ARGV[1]: the process that asks
 * ARGV[2]: for how long, in milliseconds; 0 gives it up
 * Returns 1 where the process has the role, else 0.
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
