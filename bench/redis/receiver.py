"""One receiving process of Channels: a waiting task for each member, as its consumers have it."""

import asyncio
import json
import resource
import sys

from channels_redis.core import RedisChannelLayer
from channels_redis.pubsub import RedisPubSubChannelLayer

kind, url, members = sys.argv[1:]
delivered = 0
wanted = float("inf")


def answer():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    cpu_ms = (usage.ru_utime + usage.ru_stime) * 1000
    print(json.dumps({"delivered": delivered, "cpuMs": cpu_ms}), flush=True)


async def receive(layer, channel):
    global delivered
    while True:
        await layer.receive(channel)
        delivered += 1
        if delivered == wanted:
            answer()


async def main():
    global wanted
    layer = RedisPubSubChannelLayer([url]) if kind == "pubsub" else RedisChannelLayer([url])
    channel = ""
    tasks = []
    for _ in range(int(members)):
        channel = await layer.new_channel()
        await layer.group_add("bench", channel)
        tasks.append(asyncio.ensure_future(receive(layer, channel)))
    await asyncio.sleep(1)
    reader = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), sys.stdin)
    print(channel, flush=True)
    async for line in reader:
        text = line.decode().strip()
        wanted = float("inf") if text == "report" else int(text)
        if text == "report" or delivered >= wanted:
            answer()


asyncio.run(main())
