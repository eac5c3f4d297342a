/**
 * A Lua function that returns the replication id of Redis. It changes whenever Redis may have lost writes: at a promotion, and at
 * every start of a master (`master_replid` of INFO). The scripts read it themselves, in the same atomic step as they write: a value
 * that a connection has read before is outdated if its server was promoted since.
 */
export const replicationIdLua = `
local function replicationId()
  local info = redis.pcall('INFO', 'replication')
  return type(info) == 'string' and string.match(info, 'master_replid:(%x+)')
end
`

/** The first word of the error reply of the scripts if Redis does not permit INFO. */
export const NO_INFO = 'NOINFO'

/** The error reply, in Lua. */
export const noInfoLua: string = `redis.error_reply('${NO_INFO} INFO is not permitted')`
