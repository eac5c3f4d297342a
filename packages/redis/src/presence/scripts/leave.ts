import { RedisScript } from '../../connection/redis-script.ts'
import { appendEntryLua } from '../../log/scripts/append-entry.ts'
import { noInfoLua } from '../../log/scripts/replication-id.ts'
import { personLua } from './person.ts'

/** The number of members after which a run without members in its arguments stops. */
const STEP = 200

/**
 * Removes members of a process, and appends the people whose last member they are to the log of changes. A member that was removed
 * before is skipped, so that each person leaves in one run only.
 *
 * KEYS[1 … 5] and ARGV[1 … 7]: as in the script "enter"
 * ARGV[8 …]: the members; none to remove all in steps
 * Returns {1 if a run without members has left some, otherwise 0, then the body of each person who has left}.
 */
export const leave: RedisScript = new RedisScript(`
${appendEntryLua}
${personLua}
local epoch = epochOf(KEYS[4], KEYS[5], ARGV[7])
if not epoch then return ${noInfoLua} end
local members = {}
if #ARGV > 7 then
  for i = 8, #ARGV do members[#members + 1] = ARGV[i] end
else
  local cursor = '0'
  repeat
    local page = redis.call('HSCAN', KEYS[3], cursor, 'COUNT', ${STEP})
    cursor = page[1]
    for i = 1, #page[2], 2 do members[#members + 1] = page[2][i] end
  until cursor == '0' or #members >= ${STEP}
end
local result = {0}
for _, member in ipairs(members) do
  local stored = redis.call('HGET', KEYS[3], member)
  if stored then
    redis.call('HDEL', KEYS[3], member)
    local colon = string.find(stored, ':', 1, true)
    local last = colon + tonumber(string.sub(stored, 1, colon - 1))
    local key, left = string.sub(stored, colon + 1, last), string.sub(stored, last + 1)
    local count, body = personOf(KEYS[1], key)
    if count > 1 then
      redis.call('HSET', KEYS[1], key, string.format('%.0f', count - 1) .. ':' .. body)
    elseif body then
      redis.call('HDEL', KEYS[1], key)
      appendEntry(KEYS[4], KEYS[5], epoch, left, ARGV[2], ARGV[3], ARGV[5], ARGV[6])
      result[#result + 1] = body
    end
  end
end
if redis.call('HLEN', KEYS[3]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[1])
elseif #ARGV == 7 then
  result[1] = 1
end
extendHead(KEYS[5], ARGV[4])
return result
`)
