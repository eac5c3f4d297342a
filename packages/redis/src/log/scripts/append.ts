import { MAX_EPOCHS } from 'tideway/layer/kit'

import { RedisScript } from '../../connection/redis-script.ts'
import { NO_INFO, replicationIdLua } from './replication-id.ts'

/**
 * Appends entries to the log of a group, and publishes each of them, in one atomic step. Begins a new epoch if the head is missing, or
 * if Redis may have lost entries since the last append. Numbers are formatted with `%.0f`, because Lua writes 1e+14 otherwise.
 *
 * What costs most is done once for all entries: INFO, the head, the expiries, and the trimming of the log with the last entry. The
 * expiry of a key is written if less than the time to live is left, and then with a sixteenth more.
 *
 * KEYS[1]: the log, a stream: entry `offset-0` with the fields e (epoch) and d (body)
 * KEYS[2]: the head, a hash: e (epoch), s (newest offset), r (replication id), h (starts of the newest epochs, `e>from e>from`)
 * KEYS[3…]: for each event with an id: the position of the event with this id, a string. They are different keys
 * ARGV[1]: the number of entries to keep at least
 * ARGV[2]: the time to live of the entries, in milliseconds
 * ARGV[3]: the time to live of the head, in milliseconds; never shortens the one that it has
 * ARGV[4]: the Redis channel of the group
 * ARGV[5]: 'PUBLISH', or 'SPUBLISH' on a cluster
 * ARGV[6]: the name of a new epoch, if one begins
 * ARGV[7]: the time to live of the ids, in milliseconds
 * ARGV[8…]: for each event its body, and the number of its key in KEYS, or 0 if it has no id
 * Returns {epoch, offset of the first appended entry, then for each key of an id false, or the position of the first event with the
 * id, which was not appended}. The epoch is '' if nothing was appended.
 */
export const append: RedisScript = new RedisScript(`
${replicationIdLua}
local LOG, HEAD = KEYS[1], KEYS[2]
local function number(value) return string.format('%.0f', value) end

local duplicates, events = {}, {}
for index = 8, #ARGV, 2 do
  local id = KEYS[tonumber(ARGV[index + 1])]
  local first = id and redis.call('GET', id)
  if id then duplicates[#duplicates + 1] = first end
  if not first then events[#events + 1] = index end
end

local epoch, top = '', 0
if #events > 0 then
  local run = replicationId()
  if not run then return redis.error_reply('${NO_INFO} INFO is not permitted') end
  local head = redis.call('HMGET', HEAD, 'e', 's', 'r')
  epoch, top = head[1], tonumber(head[2] or 0)
  local newest = number(top + #events)
  if not epoch then
    epoch = ARGV[6]
    redis.call('DEL', LOG)
    redis.call('HSET', HEAD, 'e', epoch, 's', newest, 'r', run, 'h', epoch .. '>1')
  elseif head[3] ~= run then
    epoch = ARGV[6]
    local starts = {}
    for start in string.gmatch(redis.call('HGET', HEAD, 'h'), '%S+') do starts[#starts + 1] = start end
    starts[#starts + 1] = epoch .. '>' .. number(top + 1)
    starts = table.concat(starts, ' ', math.max(1, #starts - ${MAX_EPOCHS - 1}))
    redis.call('HSET', HEAD, 'e', epoch, 's', newest, 'r', run, 'h', starts)
  else
    redis.call('HSET', HEAD, 's', newest)
  end
  for count, index in ipairs(events) do
    local body, offset = ARGV[index], number(top + count)
    if count < #events then
      redis.call('XADD', LOG, offset .. '-0', 'e', epoch, 'd', body)
    else
      redis.call('XADD', LOG, 'MAXLEN', '~', ARGV[1], offset .. '-0', 'e', epoch, 'd', body)
    end
    local position = epoch .. ':' .. offset
    redis.call(ARGV[5], ARGV[4], position .. ':' .. body)
    local id = KEYS[tonumber(ARGV[index + 1])]
    if id then redis.call('SET', id, position, 'PX', ARGV[7]) end
  end
  local ttl, left = tonumber(ARGV[2]), redis.call('PTTL', LOG)
  if left < ttl or left > ttl * 17 / 16 then redis.call('PEXPIRE', LOG, number(ttl * 17 / 16)) end
end
local ttl = tonumber(ARGV[3])
if redis.call('PTTL', HEAD) < ttl then redis.call('PEXPIRE', HEAD, number(ttl * 17 / 16)) end
return {epoch, number(top + 1), unpack(duplicates)}
`)
