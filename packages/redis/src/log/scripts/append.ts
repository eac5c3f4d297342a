import { MAX_EPOCHS } from 'tideway/layer/kit'

import { RedisScript } from '../../connection/redis-script.ts'
import { NO_INFO, replicationIdLua } from './replication-id.ts'

/**
 * Appends an entry to the log of a group, and publishes it, in one atomic step. Begins a new epoch if the head is missing, or if
 * Redis may have lost entries since the last append. Numbers are formatted with `%.0f`, because Lua writes 1e+14 otherwise.
 *
 * KEYS[1]: the log, a stream: entry `offset-0` with the fields e (epoch) and d (body)
 * KEYS[2]: the head, a hash: e (epoch), s (newest offset), r (replication id), h (starts of the newest epochs, `e>from e>from`)
 * KEYS[3]: the position of the event with this id, a string; missing if the event has no id
 * ARGV[1]: the body
 * ARGV[2]: the number of entries to keep at least
 * ARGV[3]: the time to live of the entries, in milliseconds
 * ARGV[4]: the time to live of the head, in milliseconds; never shortens the one that it has
 * ARGV[5]: the Redis channel of the group
 * ARGV[6]: 'PUBLISH', or 'SPUBLISH' on a cluster
 * ARGV[7]: the name of a new epoch, if one begins
 * ARGV[8]: the time to live of the id, in milliseconds
 * Returns {position, 0}, or {position of the first event with the id, 1}.
 */
export const append: RedisScript = new RedisScript(`
${replicationIdLua}
local function extendHead()
  redis.call('PEXPIRE', KEYS[2], string.format('%.0f', math.max(tonumber(ARGV[4]), redis.call('PTTL', KEYS[2]))))
end
if KEYS[3] then
  local first = redis.call('GET', KEYS[3])
  if first then
    extendHead()
    return {first, 1}
  end
end
local run = replicationId()
if not run then return redis.error_reply('${NO_INFO} INFO is not permitted') end
local head = redis.call('HMGET', KEYS[2], 'e', 's', 'r', 'h')
local epoch = head[1]
if not epoch then
  epoch = ARGV[7]
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[2], 'e', epoch, 's', 0, 'r', run, 'h', epoch .. '>1')
elseif head[3] ~= run then
  epoch = ARGV[7]
  local starts = {}
  for start in string.gmatch(head[4], '%S+') do starts[#starts + 1] = start end
  starts[#starts + 1] = epoch .. '>' .. string.format('%.0f', tonumber(head[2]) + 1)
  local newest = table.concat(starts, ' ', math.max(1, #starts - ${MAX_EPOCHS - 1}))
  redis.call('HSET', KEYS[2], 'e', epoch, 'r', run, 'h', newest)
end
local offset = string.format('%.0f', redis.call('HINCRBY', KEYS[2], 's', 1))
redis.call('XADD', KEYS[1], 'MAXLEN', '~', ARGV[2], offset .. '-0', 'e', epoch, 'd', ARGV[1])
redis.call('PEXPIRE', KEYS[1], ARGV[3])
extendHead()
local position = epoch .. ':' .. offset
redis.call(ARGV[6], ARGV[5], position .. ':' .. ARGV[1])
if KEYS[3] then redis.call('SET', KEYS[3], position, 'PX', ARGV[8]) end
return {position, 0}
`)
