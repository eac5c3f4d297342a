import { RedisScript } from '../../connection/redis-script.ts'
import { changesLua } from './changes.ts'
import { noInfoLua } from './replication-id.ts'

/**
 * Changes the value of a key of a group, and publishes the change, in one atomic step. Begins a new epoch as the script "append" does.
 *
 * KEYS[1]: the log of the group, which has no entries
 * KEYS[2]: the head, with the values
 * ARGV[1]: the Redis channel of the group
 * ARGV[2]: 'PUBLISH', or 'SPUBLISH' on a cluster
 * ARGV[3]: the name of a new epoch, if one begins
 * ARGV[4]: the time to live of the head, in milliseconds; never shortens the one that it has
 * ARGV[5]: the key
 * ARGV[6]: 'd' to set the value, 'x' to delete it
 * ARGV[7]: the body
 * ARGV[8]: the version that the key must have; '-' if it must have no value; '' without a condition
 * ARGV[9]: the time after which the value expires, in milliseconds; 0 if it does not
 * ARGV[10]: the body of the deletion at this time
 * ARGV[11]: the maximum number of values
 * ARGV[12]: the maximum number of bytes of keys and bodies
 * Returns {status, version or ''}. The status is 'changed', 'conflict', 'absent' or 'full'.
 */
export const set: RedisScript = new RedisScript(`
local LOG, HEAD, CHANNEL, COMMAND, NEW_EPOCH = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
${changesLua}
local field, kind, body, condition = 'k:' .. ARGV[5], ARGV[6], ARGV[7], ARGV[8]

local head = readHead()
if not head then return ${noInfoLua} end
extendHead(HEAD, ARGV[4])
local text = redis.call('HGET', HEAD, field)
local old = text and parse(text)
local hasValue = old and old.kind == 'd'
local version = ''
if hasValue and (old.expiry == 0 or old.expiry > now()) then version = old.epoch .. ':' .. number(old.offset) end
if condition ~= '' and (condition == '-' and '' or condition) ~= version then return {'conflict', version} end
if kind == 'x' and not hasValue then return {'absent', ''} end

local function isFull()
  if kind == 'x' then return false end
  local n, b = head.n + 1, head.b + #field + #body
  if hasValue then n, b = n - 1, b - #field - #old.body end
  return n > tonumber(ARGV[11]) or b > tonumber(ARGV[12])
end
if isFull() then
  expire(head)
  text = redis.call('HGET', HEAD, field)
  old = text and parse(text)
  hasValue = old and old.kind == 'd'
end
local position
if not isFull() then
  local expiry = tonumber(ARGV[9])
  if expiry > 0 then expiry = expiry + now() end
  position = change(head, field, old, kind, body, expiry, ARGV[10])
end
trim(head)
save(head)
return {position and 'changed' or 'full', position or version}
`)
