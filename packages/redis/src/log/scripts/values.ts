import { RedisScript } from '../../connection/redis-script.ts'
import { changesLua } from './changes.ts'
import { noInfoLua } from './replication-id.ts'

/**
 * Reads the newest changes of the keys of a group, in one atomic step, after it has deleted the expired values. Creates a missing head,
 * and begins a new epoch if Redis may have lost changes: a position of an earlier epoch is lost, see docs/spec/logs.md. Always writes the expiry of the head, as the script "read" does.
 *
 * KEYS[1]: the log of the group, which has no entries
 * KEYS[2]: the head, with the values
 * ARGV[1]: the Redis channel of the group
 * ARGV[2]: 'PUBLISH', or 'SPUBLISH' on a cluster
 * ARGV[3]: the name of a new epoch, if one begins
 * ARGV[4]: the time to live of the head, in milliseconds; never shortens the one that it has
 * ARGV[5]: the epoch of the position, or '' to read all values
 * ARGV[6]: the offset of the position
 * Returns {status, newest offset, starts of the epochs, floor, time until the next value expires or -1, then epoch, offset and body of
 * each change}. The changes are in ascending order: those after the position if the status is 'continues', otherwise all of them. The
 * status is 'continues', 'fresh', 'epoch', 'ahead' or 'trimmed'.
 */
export const values: RedisScript = new RedisScript(`
local LOG, HEAD, CHANNEL, COMMAND, NEW_EPOCH = KEYS[1], KEYS[2], ARGV[1], ARGV[2], ARGV[3]
${changesLua}
local head = readHead()
if not head then return ${noInfoLua} end
local before = head.t
expire(head)
if head.t ~= before then
  trim(head)
  save(head)
end
extendHead(HEAD, ARGV[4])

local status, offset = 'fresh', 0
if ARGV[5] ~= '' then
  offset = tonumber(ARGV[6])
  if ARGV[5] ~= head.epoch then status = 'epoch'
  elseif offset > head.top then status = 'ahead'
  elseif offset < head.f then status = 'trimmed'
  else status = 'continues' end
  if status ~= 'continues' then offset = 0 end
end
local expires = head.t == 0 and -1 or math.max(1, head.t - now())
local result = {status, number(head.top), head.starts, number(head.f), number(expires)}
for _, found in ipairs(all()) do
  if found.offset > offset then
    result[#result + 1] = found.epoch
    result[#result + 1] = number(found.offset)
    result[#result + 1] = found.body
  end
end
return result
`)
