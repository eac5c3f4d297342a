import { RedisScript } from '../../connection/redis-script.ts'
import { appendEntryLua } from '../../log/scripts/append-entry.ts'
import { noInfoLua } from '../../log/scripts/replication-id.ts'

/**
 * Reads the people of a group and the newest position of the log of changes, at one moment. Creates a missing head, so that a group
 * without changes has a position. Always writes the expiry of the head, so that a replica rejects it.
 *
 * KEYS[1]: the people, as in the script "enter"
 * KEYS[2]: the processes with members in the group
 * KEYS[3]: the log of changes
 * KEYS[4]: the head of the log
 * ARGV[1]: the maximum number of people to return
 * ARGV[2]: the time to live of the head, in milliseconds
 * ARGV[3]: the name of a new epoch, if one begins
 * Returns {epoch, offset, the number of all people, {process …}, then the body of each person}.
 */
export const who: RedisScript = new RedisScript(`
${appendEntryLua}
local head = redis.call('HMGET', KEYS[4], 'e', 's')
local epoch, offset = head[1], head[2]
if not epoch then
  epoch, offset = epochOf(KEYS[3], KEYS[4], ARGV[3]), '0'
  if not epoch then return ${noInfoLua} end
end
extendHead(KEYS[4], ARGV[2])
local count, limit = redis.call('HLEN', KEYS[1]), tonumber(ARGV[1])
local result = {epoch, offset, count, redis.call('SMEMBERS', KEYS[2])}
local seen, found = {}, 0
local function add(fields)
  for i = 1, #fields, 2 do
    if found == limit then return end
    -- HSCAN may return a field twice.
    if not seen[fields[i]] then
      seen[fields[i]] = true
      found = found + 1
      result[#result + 1] = string.sub(fields[i + 1], string.find(fields[i + 1], ':', 1, true) + 1)
    end
  end
end
if limit >= count then
  add(redis.call('HGETALL', KEYS[1]))
elseif limit > 0 then
  local cursor = '0'
  repeat
    local page = redis.call('HSCAN', KEYS[1], cursor, 'COUNT', 200)
    cursor = page[1]
    add(page[2])
  until cursor == '0' or found == limit
end
return result
`)
