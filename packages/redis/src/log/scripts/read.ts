import { RedisScript } from '../../connection/redis-script.ts'
import { headLua } from './head.ts'
import { noInfoLua } from './replication-id.ts'

/**
 * Decides whether the log of a group continues a position, and reads entries, in one atomic step. Creates a missing head, so that a
 * group without events has a position. Reads in steps of 50 entries, so that it never reads much more than its limits. Always writes
 * the expiry of the head, so that a replica or a demoted master rejects it: its log may be another one.
 *
 * KEYS[1]: the log, as in the script "append"
 * KEYS[2]: the head, as in the script "append"
 * ARGV[1]: the epoch of the position, or '' to read the newest entries
 * ARGV[2]: the offset of the position
 * ARGV[3]: the number of newest entries to read, without a position that the log continues
 * ARGV[4]: the maximum number of entries after the position
 * ARGV[5]: the maximum number of bytes of entries, with at least one entry
 * ARGV[6]: the time to live of the head, in milliseconds; never shortens the one that it has
 * ARGV[7]: the name of a new epoch, if one begins
 * Returns {status, newest offset, starts of the epochs, then epoch and body of each entry}. The entries are in ascending order,
 * without a hole, and end at the newest offset. The status is 'continues', 'fresh', 'epoch', 'ahead', 'trimmed' or 'behind'.
 */
export const read: RedisScript = new RedisScript(`
${headLua}
local STEP = 50
local function offsetOf(entry) return tonumber(string.match(entry[1], '^%d+')) end

local head = redis.call('HMGET', KEYS[2], 'e', 's', 'h')
if not head[1] then
  if not epochOf(KEYS[1], KEYS[2], ARGV[7]) then return ${noInfoLua} end
  head = redis.call('HMGET', KEYS[2], 'e', 's', 'h')
end
local top, starts = head[2], head[3]
extendHead(KEYS[2], ARGV[6])
local newest, maxBytes = tonumber(top), tonumber(ARGV[5])

-- Returns the entries after the offset in ascending order, or a reason.
local function after(offset)
  local entries, bytes, expected = {}, 0, offset + 1
  while expected <= newest do
    local step = redis.call('XRANGE', KEYS[1], number(expected) .. '-0', '+', 'COUNT', STEP)
    if #step == 0 then return nil, 'trimmed' end
    for _, entry in ipairs(step) do
      if offsetOf(entry) ~= expected then return nil, 'trimmed' end
      if newest - offset > tonumber(ARGV[4]) then return nil, 'behind' end
      entries[#entries + 1] = entry
      bytes = bytes + #entry[2][4]
      if bytes > maxBytes and newest - offset > 1 then return nil, 'behind' end
      expected = expected + 1
    end
  end
  return entries, 'continues'
end

-- Returns the newest entries in descending order.
local function last(count)
  local entries, bytes, expected = {}, 0, newest
  while #entries < count and expected > 0 do
    local most = math.min(STEP, count - #entries)
    local step = redis.call('XREVRANGE', KEYS[1], number(expected) .. '-0', '-', 'COUNT', most)
    for _, entry in ipairs(step) do
      bytes = bytes + #entry[2][4]
      if offsetOf(entry) ~= expected or (bytes > maxBytes and #entries > 0) then return entries end
      entries[#entries + 1] = entry
      expected = expected - 1
    end
    if #step < most then return entries end
  end
  return entries
end

-- Whether the entries up to the position are those of the log, kept or not.
local function contains(epoch, offset)
  local from, before
  for name, start in string.gmatch(starts, '(%S+)>(%d+)') do
    if from then
      before = tonumber(start)
      break
    end
    if name == epoch then from = tonumber(start) end
  end
  if not from or offset < from - 1 or (before and offset >= before) then return 'epoch' end
  if offset > newest then return 'ahead' end
  return 'continues'
end

local status, entries = 'fresh', nil
if ARGV[1] ~= '' then
  local offset = tonumber(ARGV[2])
  status = contains(ARGV[1], offset)
  if status == 'continues' then entries, status = after(offset) end
end
local result = {status, top, starts}
if entries then
  for _, entry in ipairs(entries) do
    result[#result + 1] = entry[2][2]
    result[#result + 1] = entry[2][4]
  end
  return result
end
entries = last(tonumber(ARGV[3]))
for index = #entries, 1, -1 do
  result[#result + 1] = entries[index][2][2]
  result[#result + 1] = entries[index][2][4]
end
return result
`)
