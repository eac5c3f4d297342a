"""
A Django process's channel layers, driven from a test: commands come in as lines of JSON, answers go out as such.

Values travel tagged so that their types can be compared: {"$int": "1"}, {"$float": "1.5"}, {"$bytes": "00ff"},
{"$map": [[key, value], ...]}; texts, booleans, null and lists are themselves.
"""

import asyncio
import base64
import json
import sys
from pathlib import Path

import msgpack
from channels.exceptions import ChannelFull
from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer
from cryptography.fernet import Fernet, MultiFernet

sys.path.insert(0, str(Path(__file__).parents[4] / "integrations" / "python"))
from tideway_channels import APPEND, TidewayChannelLayer  # noqa: E402


def tag(value):
    if value is None or isinstance(value, (bool, str)):
        return value
    if isinstance(value, int):
        return {"$int": str(value)}
    if isinstance(value, float):
        return {"$float": repr(value)}
    if isinstance(value, bytes):
        return {"$bytes": value.hex()}
    if isinstance(value, list):
        return [tag(item) for item in value]
    if isinstance(value, dict):
        return {"$map": [[key, tag(item)] for key, item in value.items()]}
    raise TypeError(f"cannot tag {type(value)}")


def untag(value):
    if isinstance(value, list):
        return [untag(item) for item in value]
    if isinstance(value, dict):
        ((kind, content),) = value.items()
        if kind == "$int":
            return int(content)
        if kind == "$float":
            return float(content)
        if kind == "$bytes":
            return bytes.fromhex(content)
        return {key: untag(item) for key, item in content}
    return value


class JsonCoreLayer(RedisChannelLayer):
    """What channels_redis 4.3 does for serializer_format="json", which Debian's 4.0 does not have."""

    def serialize(self, message):
        value = json.dumps(message).encode()
        if self.crypter:
            value = self.crypter.encrypt(value)
        return b"123456789012" + value

    def deserialize(self, message):
        value = message[12:]
        if self.crypter:
            value = self.crypter.decrypt(value, self.expiry + 10)
        return json.loads(value)


class CodedPubSubLayer(RedisPubSubChannelLayer):
    """What channels_redis 4.3 does for encryption and json on its pub/sub layer; Debian's 4.0 ignores both."""

    def __init__(self, *args, coded=None, **kwargs):
        super().__init__(*args, **kwargs)
        self._json = bool(coded and coded.get("json"))
        keys = (coded or {}).get("keys")
        self._crypter = MultiFernet([make_fernet(key) for key in keys]) if keys else None

    def serialize(self, message):
        value = json.dumps(message).encode() if self._json else msgpack.packb(message)
        return self._crypter.encrypt(value) if self._crypter else value

    def deserialize(self, message):
        value = self._crypter.decrypt(message) if self._crypter else message
        return json.loads(value) if self._json else msgpack.unpackb(value)


def make_fernet(key):
    return RedisChannelLayer.make_fernet(None, key)


LAYERS = {
    "core": RedisChannelLayer,
    "core-json": JsonCoreLayer,
    "pubsub": RedisPubSubChannelLayer,
    "pubsub-coded": CodedPubSubLayer,
    "tideway": TidewayChannelLayer,
}

layers = {}


async def run(command):
    operation = command["do"]
    if operation == "layer":
        layers[command["id"]] = LAYERS[command["kind"]](**command["config"])
        return None
    if operation == "append-script":
        return APPEND
    if operation == "pack":
        return base64.b64encode(msgpack.packb(untag(command["value"]))).decode()
    if operation == "unpack":
        return tag(msgpack.unpackb(base64.b64decode(command["bytes"])))
    if operation == "encrypt":
        crypter = MultiFernet([make_fernet(key) for key in command["keys"]])
        return crypter.encrypt(base64.b64decode(command["bytes"])).decode()
    if operation == "decrypt":
        crypter = MultiFernet([make_fernet(key) for key in command["keys"]])
        return base64.b64encode(crypter.decrypt(command["token"].encode())).decode()

    layer = layers[command["id"]]
    if operation == "new_channel":
        return await layer.new_channel()
    if operation == "send":
        try:
            await layer.send(command["channel"], untag(command["message"]))
        except ChannelFull:
            return "full"
        return "sent"
    if operation == "receive":
        receive = layer.receive(command["channel"])
        return tag(await asyncio.wait_for(receive, command.get("timeout", 10)))
    if operation == "group_add":
        return await layer.group_add(command["group"], command["channel"])
    if operation == "group_discard":
        return await layer.group_discard(command["group"], command["channel"])
    if operation == "group_send":
        options = {"id": command["event_id"]} if "event_id" in command else {}
        return await layer.group_send(command["group"], untag(command["message"]), **options)
    if operation == "flush":
        return await layer.flush()
    raise ValueError(operation)


async def answer(number, command):
    try:
        result = {"number": number, "result": await run(command)}
    except BaseException as error:
        result = {"number": number, "error": f"{type(error).__name__}: {error}"}
    print(json.dumps(result), flush=True)


async def main():
    reader = asyncio.StreamReader(limit=64 * 1024 * 1024)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    tasks = set()
    print(json.dumps({"ready": True}), flush=True)
    async for line in reader:
        command = json.loads(line)
        task = asyncio.ensure_future(answer(command.pop("number"), command))
        tasks.add(task)
        task.add_done_callback(tasks.discard)
    for task in tasks:
        task.cancel()


asyncio.run(main())
