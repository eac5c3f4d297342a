/**
 * Lua functions for the people of a group.
 *
 * `personOf(people, key)` returns the number of members of a person, and the body of the person: 0 and nil if the person is not
 * present. A field of the hash is `NUMBER:BODY`. No pattern is used, because a body may be encrypted bytes.
 */
export const personLua: string = `
local function personOf(people, key)
  local person = redis.call('HGET', people, key)
  if not person then return 0, nil end
  local colon = string.find(person, ':', 1, true)
  return tonumber(string.sub(person, 1, colon - 1)), string.sub(person, colon + 1)
end
`
