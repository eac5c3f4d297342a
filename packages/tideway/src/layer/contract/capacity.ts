import assert from 'node:assert/strict'
import type { ChannelLayer } from '../channel-layer.ts'
import { ChannelFullError } from '../errors.ts'
import type { ContractChapter } from './contract-test.ts'
import { attachNew, Collector, numbered, receiveSoon, until } from './contract-test.ts'

const message = { type: 'contract.message' }

/** How many messages wait at most, and what becomes of those beyond. */
export const capacityTests: ContractChapter = {
  'queues 100 messages of a channel by default': async ({ makeLayer }) => {
    const layer = await makeLayer()
    assert.equal(layer.capacityOf('channel'), 100)
    await fill(layer, 'channel', 100)
  },
  'rejects a send to a full channel with ChannelFullError, and keeps the queued messages': async ({ makeLayer }) => {
    const layer = await makeLayer({ capacity: 3 })
    for (const one of numbered(3)) await layer.send('channel', one)
    await assert.rejects(() => layer.send('channel', message), isFull('channel'))
    for (const wanted of numbered(3)) assert.deepEqual(await receiveSoon(layer, 'channel'), wanted)
  },
  'accepts messages again after one was received': async ({ makeLayer }) => {
    const layer = await makeLayer({ capacity: 2 })
    await fill(layer, 'channel', 2)
    await receiveSoon(layer, 'channel')
    await layer.send('channel', message)
    await assert.rejects(() => layer.send('channel', message), isFull('channel'))
  },
  'counts the capacity of each channel separately': async ({ makeLayer }) => {
    const layer = await makeLayer({ capacity: 2 })
    const [one, two] = [layer.newChannel(), layer.newChannel()]
    await fill(layer, one, 2)
    await fill(layer, two, 2)
  },
  'uses the first match of channelCapacity: a glob, or a regular expression from the start': async ({ makeLayer }) => {
    const layer = await makeLayer({
      capacity: 3,
      channelCapacity: [
        ['jobs.urgent', 1],
        ['jobs.[ab]?', 2],
        [/thumb/, 4],
        ['jobs.*', 5],
        ['*', 6],
      ],
    })
    const wanted = { 'jobs.urgent': 1, 'jobs.a1': 2, thumbnails: 4, 'a.thumb': 6, 'jobs.c1': 5, other: 6 }
    for (const [channel, capacity] of Object.entries(wanted)) assert.equal(layer.capacityOf(channel), capacity)
    await fill(layer, 'jobs.urgent', 1)
    await fill(layer, 'jobs.a1', 2)
    await fill(layer, 'thumbnails.large', 4)
  },
  'accepts channelCapacity as an object, and uses the default without a match': async ({ makeLayer }) => {
    const layer = await makeLayer({ capacity: 2, channelCapacity: { 'specific.*': 1, 'jobs.*': 3 } })
    assert.equal(layer.capacityOf(layer.newChannel()), 1)
    await fill(layer, layer.newChannel(), 1)
    await fill(layer, 'jobs.1', 3)
    await fill(layer, 'other', 2)
  },
  'rejects a send to a full receiver with ChannelFullError, and counts it': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel] = attachNew(layer, new Collector('full'))
    await assert.rejects(() => layer.send(channel, message), isFull(channel))
    assert.equal(layer.stats().dropped.full, 1)
  },
  'resolves a send without a handler, and counts it': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel] = attachNew(layer, new Collector('unhandled'))
    await layer.send(channel, message)
    await until('the message is counted', () => layer.stats().dropped.unhandled === 1)
    assert.equal(layer.stats().delivered, 0)
  },
  'skips full members of a group, counts them, and never rejects': async ({ makeLayer }) => {
    const layer = await makeLayer({ capacity: 2 })
    const [full] = attachNew(layer, new Collector('full'))
    const waiting = layer.newChannel()
    const [reached, collector] = attachNew(layer)
    for (const channel of [full, waiting, reached]) await layer.groupAdd('group', channel)
    for (const one of numbered(5)) await layer.groupSend('group', one)
    assert.deepEqual(await collector.first(5), numbered(5))
    await until('the messages are counted', () => layer.stats().dropped.full === 5 + 3)
    for (const wanted of numbered(2)) assert.deepEqual(await receiveSoon(layer, waiting), wanted)
  },
  'throws for a capacity that is not a whole number of at least 1': async ({ makeLayer }) => {
    for (const capacity of [0, -1, 1.5, Number.NaN, Number.POSITIVE_INFINITY]) {
      await assert.rejects(() => makeLayer({ capacity }), { code: 'ERR_BAD_OPTION', message: /^capacity must be/ })
      const options = { channelCapacity: { 'a.*': capacity } }
      await assert.rejects(() => makeLayer(options), { code: 'ERR_BAD_OPTION', message: /^channelCapacity\[a\.\*\]/ })
    }
  },
}

/** Sends until the channel is full, which has to be after `capacity` messages. */
async function fill(layer: ChannelLayer, channel: string, capacity: number): Promise<void> {
  for (let sent = 0; sent < capacity; sent++) await layer.send(channel, message)
  await assert.rejects(() => layer.send(channel, message), isFull(channel))
}

function isFull(channel: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof ChannelFullError)
    assert.equal(error.code, 'ERR_CHANNEL_FULL')
    assert.equal(error.channel, channel)
    return true
  }
}
