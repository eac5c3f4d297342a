import { MAX_DELETIONS } from 'tideway/layer/kit'

import { headLua } from './head.ts'
import { nowLua } from './time.ts'

/**
 * Lua functions that change the values of a group. The values are in the head, so that Redis loses both together, or none.
 *
 * The head has these fields in addition to those of the script "append":
 * k:KEY: the newest change of a key, `epoch:offset:kind:expiry:length:` and two bodies: `kind` is d (value) or x (deletion), `expiry` the
 *   time when the value expires in milliseconds, or 0, and the first body, of `length` bytes, is that of the deletion at this time
 * n, b: the number of values, and the bytes of their fields and bodies
 * x: the number of deletions
 * f: the floor, the newest offset of a deletion that was dropped
 * t: no value expires before this time; missing if none expires
 *
 * The locals of a script: HEAD and LOG (the keys), CHANNEL, COMMAND ('PUBLISH', or 'SPUBLISH' on a cluster) and NEW_EPOCH.
 */
export const changesLua: string = `
${headLua}
${nowLua}
local function parse(text)
  local epoch, offset, kind, expiry, length, start = string.match(text, '^([^:]+):(%d+):([dx]):(%d+):(%d+):()')
  return {
    epoch = epoch, offset = tonumber(offset), kind = kind, expiry = tonumber(expiry),
    deletion = string.sub(text, start, start + length - 1), body = string.sub(text, start + length),
  }
end

-- Reads the head, after it has begun a new epoch if Redis may have lost changes. Returns nil, and changes nothing, without INFO.
local function readHead()
  local epoch = epochOf(LOG, HEAD, NEW_EPOCH)
  if not epoch then return nil end
  local h = redis.call('HMGET', HEAD, 's', 'h', 'n', 'b', 'x', 'f', 't')
  return {
    epoch = epoch, top = tonumber(h[1]), starts = h[2], n = tonumber(h[3] or 0), b = tonumber(h[4] or 0),
    x = tonumber(h[5] or 0), f = tonumber(h[6] or 0), t = tonumber(h[7] or 0),
  }
end

local function save(head)
  redis.call('HSET', HEAD, 's', number(head.top), 'n', head.n, 'b', number(head.b), 'x', head.x, 'f', number(head.f), 't', number(head.t))
end

-- Changes a key whose newest change is \`old\`, and publishes the change.
local function change(head, field, old, kind, body, expiry, deletion)
  head.top = head.top + 1
  if old and old.kind == 'd' then head.n, head.b = head.n - 1, head.b - #field - #old.body end
  if old and old.kind == 'x' then head.x = head.x - 1 end
  if kind == 'd' then head.n, head.b = head.n + 1, head.b + #field + #body else head.x = head.x + 1 end
  if expiry > 0 and (head.t == 0 or expiry < head.t) then head.t = expiry end
  local position = head.epoch .. ':' .. number(head.top)
  local stored = position .. ':' .. kind .. ':' .. number(expiry) .. ':' .. #deletion .. ':' .. deletion .. body
  redis.call('HSET', HEAD, field, stored)
  redis.call(COMMAND, CHANNEL, position .. ':' .. body)
  return position
end

-- Returns the newest change of each key with its field, in ascending order.
local function all()
  local fields, changes = redis.call('HGETALL', HEAD), {}
  for index = 1, #fields, 2 do
    if string.sub(fields[index], 1, 2) == 'k:' then
      local found = parse(fields[index + 1])
      found.field = fields[index]
      changes[#changes + 1] = found
    end
  end
  table.sort(changes, function(a, b) return a.offset < b.offset end)
  return changes
end

-- Deletes the values that have expired.
local function expire(head)
  if head.t == 0 then return end
  local time = now()
  if head.t > time then return end
  head.t = 0
  for _, found in ipairs(all()) do
    if found.expiry > time and (head.t == 0 or found.expiry < head.t) then head.t = found.expiry end
    if found.expiry > 0 and found.expiry <= time then
      change(head, found.field, found, 'x', found.deletion, 0, '')
    end
  end
end

-- Drops the oldest half of the deletions if there are too many.
local function trim(head)
  if head.x <= ${MAX_DELETIONS} then return end
  local left = math.floor(head.x / 2)
  for _, found in ipairs(all()) do
    if found.kind == 'x' and left > 0 then
      redis.call('HDEL', HEAD, found.field)
      head.x, head.f, left = head.x - 1, found.offset, left - 1
    end
  end
end
`
