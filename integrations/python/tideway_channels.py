"""
A channel layer of Django Channels that appends to the kept groups of tideway.

    CHANNEL_LAYERS = {
        "default": {
            "BACKEND": "tideway_channels.TidewayChannelLayer",
            "CONFIG": {
                "hosts": ["redis://10.0.0.1:6379"],
                "kept_groups": {"room": {"size": 200, "ttl_ms": 86_400_000}},
            },
        },
    }

group_send("room.lobby", {"type": "said", "text": "hi"}) appends the event "said" with the data {"text": "hi"} to the log of the group,
and sends it to all followers, in one atomic step. Other groups are those of channels_redis. Requires channels_redis 4.0 or later.
"""

import base64
import hashlib
import json
import re
import secrets

from channels_redis.pubsub import RedisPubSubChannelLayer
from redis.exceptions import NoScriptError

MAX_EVENT_BYTES = 65_536
HEAD_TTL_MS = 86_400_000
ID_TTL_MS = 300_000

# Names in Redis are those of tideway: only these characters of an id are not escaped.
KEPT_NAME = re.compile(r"([a-zA-Z][a-zA-Z0-9-]{0,31})\.[a-zA-Z0-9_.-]+")

# The script "append" of @tideway/redis.
APPEND = """local function replicationId()
  local info = redis.pcall('INFO', 'replication')
  return type(info) == 'string' and string.match(info, 'master_replid:(%x+)')
end

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
  local newest = table.concat(starts, ' ', math.max(1, #starts - 7))
  redis.call('HSET', head, 'e', newEpoch, 'r', run, 'h', newest)
  return newEpoch
end

local LOG, HEAD = KEYS[1], KEYS[2]

local duplicates, events = {}, {}
for index = 8, #ARGV, 2 do
  local id = KEYS[tonumber(ARGV[index + 1])]
  local first = id and redis.call('GET', id)
  if id then duplicates[#duplicates + 1] = first end
  if not first then events[#events + 1] = index end
end

if #events == 0 then
  -- Always written, so that a replica rejects it: the first event may be lost.
  extendHead(HEAD, ARGV[3])
  return {'', '0', unpack(duplicates)}
end

local epoch = epochOf(LOG, HEAD, ARGV[6])
if not epoch then return redis.error_reply('NOINFO INFO is not permitted') end
local top = redis.call('HINCRBY', HEAD, 's', #events) - #events
for count, index in ipairs(events) do
  local body, offset = ARGV[index], number(top + count)
  if count < #events then
    redis.call('XADD', LOG, offset .. '-0', 'e', epoch, 'd', body)
  else
    redis.call('XADD', LOG, 'MAXLEN', '~', ARGV[1], offset .. '-0', 'e', epoch, 'd', body)
  end
  local position = epoch .. ':' .. offset
  redis.call(ARGV[5], ARGV[4], position .. ':' .. body)
  local id = KEYS[tonumber(ARGV[index + 1])]
  if id then redis.call('SET', id, position, 'PX', ARGV[7]) end
end
local ttl, left = tonumber(ARGV[2]), redis.call('PTTL', LOG)
if left < ttl or left > ttl * 17 / 16 then redis.call('PEXPIRE', LOG, number(ttl * 17 / 16)) end
local headTtl = tonumber(ARGV[3])
if redis.call('PTTL', HEAD) < headTtl then redis.call('PEXPIRE', HEAD, number(headTtl * 17 / 16)) end
return {epoch, number(top + 1), unpack(duplicates)}"""
APPEND_SHA = hashlib.sha1(APPEND.encode()).hexdigest()


class TidewayChannelLayer(RedisPubSubChannelLayer):
    """
    The pub/sub layer of channels_redis, whose group_send() appends to kept groups.

    kept_groups: by the name of a declaration of tideway, how much the log of each of its groups keeps: "size" events (100) for "ttl_ms"
    (300,000) after the last one, as in "history" of defineGroup(). With "channels": False, only followers of tideway get the events;
    otherwise consumers of Django in the group get the message too, at most once.
    """

    def __init__(self, *args, kept_groups=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._kept_groups = kept_groups or {}
        self._crypter = _make_crypter(kwargs.get("symmetric_encryption_keys"))

    async def group_send(self, group, message, id=None):
        """
        Returns {"position": "epoch:offset", "duplicate": bool} for a kept group. The same id again within 5 minutes is the same event.
        After an error of Redis the outcome is unknown: repeat the call with the same id.
        """
        loop_layer = self._get_layer()
        kept = self._kept_of(group)
        if kept is None:
            return await loop_layer.group_send(group, message)
        event = {"e": message["type"], "d": {key: value for key, value in message.items() if key != "type"}}
        if id is not None:
            event["id"] = id
        appended = await self._append(loop_layer, group, event, kept)
        if kept.get("channels", True) and not appended["duplicate"]:
            # The mark keeps tideway from taking the message for a second event.
            await loop_layer.group_send(group, {**message, "__tideway_position__": appended["position"]})
        return appended

    def _kept_of(self, group):
        match = KEPT_NAME.fullmatch(group)
        return self._kept_groups.get(match[1]) if match else None

    async def _append(self, loop_layer, group, event, kept):
        body = json.dumps(event, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
        if len(body) > MAX_EVENT_BYTES:
            raise ValueError(f"The event is over {MAX_EVENT_BYTES} bytes.")
        if self._crypter is not None:
            body = self._crypter.encrypt(body)
        prefix, id = loop_layer.prefix, event.get("id")
        if id is not None and not (isinstance(id, str) and 1 <= len(id) <= 64):
            raise ValueError("The id of an event must be a text of 1 to 64 characters.")
        log = f"{prefix}:tideway:log:{{{group}}}"
        keys = [log, f"{prefix}:tideway:head:{{{group}}}"]
        if id is not None:
            keys.append(f"{prefix}:tideway:once:{{{group}}}:{id}")
        size, ttl_ms = kept.get("size", 100), kept.get("ttl_ms", 300_000)
        args = [size, ttl_ms, HEAD_TTL_MS, log, "PUBLISH", secrets.token_urlsafe(6), ID_TTL_MS, body, len(keys) if id else 0]
        epoch, offset, *first = await _run(loop_layer._get_shard(log), keys, args)
        if epoch:
            return {"position": f"{epoch.decode()}:{offset.decode()}", "duplicate": False}
        return {"position": first[0].decode(), "duplicate": True}


async def _run(shard, keys, args):
    async with shard._lock:
        shard._ensure_redis()
        try:
            return await shard._redis.evalsha(APPEND_SHA, len(keys), *keys, *args)
        except NoScriptError:
            return await shard._redis.eval(APPEND, len(keys), *keys, *args)


def _make_crypter(keys):
    """As channels_redis makes its own: the first key encrypts."""
    if not keys:
        return None
    from cryptography.fernet import Fernet, MultiFernet

    digests = (hashlib.sha256(key if isinstance(key, bytes) else key.encode()).digest() for key in keys)
    return MultiFernet([Fernet(base64.urlsafe_b64encode(digest)) for digest in digests])
