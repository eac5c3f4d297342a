import { RedisScript } from '../../connection/redis-script.ts'
import { headLua } from './head.ts'
import { noInfoLua } from './replication-id.ts'

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
${headLua}
local LOG, HEAD = KEYS[1], KEYS[2]

local duplicates, events = {}, {}
for index = 8, #ARGV, 2 do
  local id = KEYS[tonumber(ARGV[index + 1])]
  local first = id and redis.call('GET', id)
  if id then duplicates[#duplicates + 1] = first end
  if not first then events[#events + 1] = index end
end

if #events == 0 then
  -- Always written, so that a replica rejects it: the first event may be lost.
  extendHead(HEAD, ARGV[3])
  return {'', '0', unpack(duplicates)}
end

local epoch = epochOf(LOG, HEAD, ARGV[6])
if not epoch then return ${noInfoLua} end
local top = redis.call('HINCRBY', HEAD, 's', #events) - #events
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
local headTtl = tonumber(ARGV[3])
if redis.call('PTTL', HEAD) < headTtl then redis.call('PEXPIRE', HEAD, number(headTtl * 17 / 16)) end
return {epoch, number(top + 1), unpack(duplicates)}
`)
