/** A Lua function that returns the time of Redis in milliseconds. No clock of a process counts. */
export const nowLua: string = `
local function now()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end
`
