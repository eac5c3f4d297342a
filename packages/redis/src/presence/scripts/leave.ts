import { RedisScript } from '../../connection/redis-script.ts'
import { appendEntryLua } from '../../log/scripts/append-entry.ts'
import { noInfoLua } from '../../log/scripts/replication-id.ts'
import { personLua } from './person.ts'

/** The number of members after which a run without members in its arguments stops. */
const STEP = 200

/**
 * Removes members of a process, and appends the people whose last member they are to the log of changes. A member that was removed
 * before is skipped, so that each person leaves in one run only. The people who leave can be kept until the script "settle": a later
 * run for the same members returns them again.
 *
 * KEYS[1 … 5] and ARGV[1 … 7]: as in the script "enter"
 * KEYS[6]: the people of the process who have left and are not settled, a hash: the last member to the body of the person
 * ARGV[8]: how long they are kept, in milliseconds; 0 to keep none
 * ARGV[9 …]: the members; none to remove all in steps
 * Returns {1 if a run without members has left some, otherwise 0; 1 if it has not returned all people who are kept, otherwise 0; then
 * the last member and the body of each person who has left}. A run without members returns people of earlier runs when no member is left.
 */
export const leave: RedisScript = new RedisScript(`
${appendEntryLua}
${personLua}
local epoch = epochOf(KEYS[4], KEYS[5], ARGV[7])
if not epoch then return ${noInfoLua} end
local keepsPeople, isWhole = ARGV[8] ~= '0', #ARGV == 8
local members, result = {}, {0, 0}
local function fieldsOf(key)
  local fields, cursor = {}, '0'
  repeat
    local page = redis.call('HSCAN', key, cursor, 'COUNT', ${STEP})
    cursor = page[1]
    for i = 1, #page[2], 2 do fields[#fields + 1] = page[2][i] end
  until cursor == '0' or #fields >= ${STEP}
  return fields
end
if not isWhole then
  for i = 9, #ARGV do members[#members + 1] = ARGV[i] end
else
  if not keepsPeople then redis.call('DEL', KEYS[6]) end
  members = fieldsOf(KEYS[3])
  if #members == 0 then members = fieldsOf(KEYS[6]) end
end
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
      if keepsPeople then redis.call('HSET', KEYS[6], member, body) end
      result[#result + 1] = member
      result[#result + 1] = body
    end
  elseif keepsPeople then
    local body = redis.call('HGET', KEYS[6], member)
    if body then
      result[#result + 1] = member
      result[#result + 1] = body
    end
  end
end
if keepsPeople and #result > 2 then redis.call('PEXPIRE', KEYS[6], ARGV[8]) end
if redis.call('HLEN', KEYS[3]) == 0 then
  redis.call('SREM', KEYS[2], ARGV[1])
elseif isWhole then
  result[1] = 1
end
if isWhole and redis.call('HLEN', KEYS[6]) > (#result - 2) / 2 then result[2] = 1 end
extendHead(KEYS[5], ARGV[4])
return result
`)
