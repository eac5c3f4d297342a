import { RedisScript } from '../../connection/redis-script.ts'
import { appendEntryLua } from '../../log/scripts/append-entry.ts'
import { noInfoLua } from '../../log/scripts/replication-id.ts'
import { personLua } from './person.ts'

/**
 * Writes members of a process, and appends the changes of the people to the log of changes.
 *
 * KEYS[1]: the people, a hash: key to `NUMBER OF MEMBERS:BODY`, with the body of the entry of a person who is present
 * KEYS[2]: the processes with members in the group, a set
 * KEYS[3]: the members of this process, a hash: member to `BYTES OF KEY:KEY BODY`, with the body of the entry of a person who has left
 * KEYS[4]: the log of changes, as in the script "append"
 * KEYS[5]: the head of the log
 * ARGV[1]: the process
 * ARGV[2 … 7]: the size of the log, the times to live of its entries and of its head, its Redis channel, 'PUBLISH' or 'SPUBLISH', and
 *   the name of a new epoch, as in the script "append"
 * ARGV[8 …]: kind ('enter', 'restore' or 'update'), member, key, and the bodies of the entries "in", "up" and "out"; again for each
 */
export const enter: RedisScript = new RedisScript(`
${appendEntryLua}
${personLua}
local epoch = epochOf(KEYS[4], KEYS[5], ARGV[7])
if not epoch then return ${noInfoLua} end
local function append(body)
  appendEntry(KEYS[4], KEYS[5], epoch, body, ARGV[2], ARGV[3], ARGV[5], ARGV[6])
end
for i = 8, #ARGV, 6 do
  local kind, member, key, entered, changed, left = unpack(ARGV, i, i + 5)
  local isNew = kind ~= 'update' and redis.call('HSETNX', KEYS[3], member, #key .. ':' .. key .. left) == 1
  if isNew then redis.call('SADD', KEYS[2], ARGV[1]) end
  if isNew or redis.call('HEXISTS', KEYS[3], member) == 1 then
    local count, body = personOf(KEYS[1], key)
    if isNew or count == 0 then count = count + 1 end
    if not body then
      body = entered
      append(entered)
    elseif kind ~= 'restore' and body ~= entered then
      body = entered
      append(changed)
    end
    redis.call('HSET', KEYS[1], key, string.format('%.0f', count) .. ':' .. body)
  end
end
extendHead(KEYS[5], ARGV[4])
`)
