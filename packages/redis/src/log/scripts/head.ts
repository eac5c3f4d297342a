import { MAX_EPOCHS } from 'tideway/layer/kit'

import { replicationIdLua } from './replication-id.ts'

/**
 * Lua functions for the head of a log, for scripts.
 *
 * `number(value)` formats a number. Lua writes 1e+14 otherwise.
 *
 * `epochOf(log, head, newEpoch)` returns the epoch of the next entry. It begins a new epoch if the head is missing, or if Redis may
 * have lost entries since the last append. Returns nil, and changes nothing, if INFO is not permitted.
 *
 * `extendHead(head, ttl)` extends the time to live of the head, and never shortens it.
 */
export const headLua: string = `
${replicationIdLua}
local function number(value) return string.format('%.0f', value) end
local function extendHead(head, ttl)
  redis.call('PEXPIRE', head, number(math.max(tonumber(ttl), redis.call('PTTL', head))))
end
local function epochOf(log, head, newEpoch)
  local run = replicationId()
  if not run then return nil end
  local was = redis.call('HMGET', head, 'e', 's', 'r')
  if not was[1] then
    redis.call('DEL', log)
    redis.call('HSET', head, 'e', newEpoch, 's', 0, 'r', run, 'h', newEpoch .. '>1')
    return newEpoch
  end
  if was[3] == run then return was[1] end
  local starts = {}
  for start in string.gmatch(redis.call('HGET', head, 'h'), '%S+') do starts[#starts + 1] = start end
  starts[#starts + 1] = newEpoch .. '>' .. number(tonumber(was[2]) + 1)
  local newest = table.concat(starts, ' ', math.max(1, #starts - ${MAX_EPOCHS - 1}))
  redis.call('HSET', head, 'e', newEpoch, 'r', run, 'h', newest)
  return newEpoch
end
`
