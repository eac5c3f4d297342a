import { headLua } from './head.ts'

/**
 * The Lua functions of the head, and one more: `appendEntry(log, head, epoch, body, size, ttl, channel, command)` appends an entry,
 * publishes it, and returns its position.
 */
export const appendEntryLua: string = `
${headLua}
local function appendEntry(log, head, epoch, body, size, ttl, channel, command)
  local offset = number(redis.call('HINCRBY', head, 's', 1))
  redis.call('XADD', log, 'MAXLEN', '~', size, offset .. '-0', 'e', epoch, 'd', body)
  redis.call('PEXPIRE', log, ttl)
  local position = epoch .. ':' .. offset
  redis.call(command, channel, position .. ':' .. body)
  return position
end
`
