import assert from 'node:assert/strict'
import type { ContractChapter } from './contract-test.ts'
import { assertNothingWaits, attachNew, Collector, numbered, receiveSoon, settle } from './contract-test.ts'

const message = { type: 'contract.message' }

/** One sender, one channel: order, receivers, the end of a wait. */
export const channelTests: ContractChapter = {
  'delivers a message that was sent before receive() was called': async ({ makeLayer }) => {
    const layer = await makeLayer()
    await layer.send('channel', message)
    assert.deepEqual(await receiveSoon(layer, 'channel'), message)
  },
  'delivers a message that was sent after receive() was called': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const received = receiveSoon(layer, 'channel')
    await layer.send('channel', message)
    assert.deepEqual(await received, message)
  },
  'delivers to a channel of this process by receive()': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const channel = layer.newChannel()
    await layer.send(channel, message)
    assert.deepEqual(await receiveSoon(layer, channel), message)
  },
  'pushes messages to the receiver of an attached channel': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    await layer.send(channel, message)
    assert.deepEqual(await collector.first(1), [message])
  },
  'never pushes a message before the call that sends it has returned': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    await layer.groupAdd('group', channel)
    const sent = [layer.send(channel, message), layer.groupSend('group', message)]
    assert.deepEqual(collector.messages, [])
    await Promise.all(sent)
    await collector.first(2)
  },
  'keeps the order of the calls of one sender, awaited or not, to receive()': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const messages = numbered(50)
    for (const one of messages.slice(0, 10)) await layer.send('channel', one)
    await Promise.all(messages.slice(10).map((one) => layer.send('channel', one)))
    for (const wanted of messages) assert.deepEqual(await receiveSoon(layer, 'channel'), wanted)
  },
  'keeps the order of the calls of one sender, awaited or not, to an attached channel': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    const messages = numbered(200)
    for (const one of messages.slice(0, 10)) await layer.send(channel, one)
    await Promise.all(messages.slice(10).map((one) => layer.send(channel, one)))
    assert.deepEqual(await collector.first(200), messages)
  },
  'gives each message to exactly one receiver of a channel, in turn': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const waiting = Array.from({ length: 5 }, () => receiveSoon(layer, 'channel'))
    const messages = numbered(5)
    await Promise.all(messages.map((one) => layer.send('channel', one)))
    const numbers = (await Promise.all(waiting)).map((one) => one['number'] as number)
    assert.deepEqual(
      numbers.toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4],
    )
    await assertNothingWaits(layer, 'channel')
  },
  'delivers messages only to their channel': async ({ makeLayer }) => {
    const layer = await makeLayer()
    await Promise.all(['one', 'two'].map((channel) => layer.send(channel, { type: channel })))
    assert.equal((await receiveSoon(layer, 'two')).type, 'two')
    assert.equal((await receiveSoon(layer, 'one')).type, 'one')
  },
  'rejects a pending receive() with the reason of its aborted signal': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const reason = new Error('enough')
    const abort = new AbortController()
    const waiting = layer.receive('channel', { signal: abort.signal })
    await settle()
    abort.abort(reason)
    await assert.rejects(waiting, reason)
    await assert.rejects(() => layer.receive('channel', { signal: abort.signal }), reason)
  },
  'loses no message to an aborted receive() at any time': async ({ makeLayer }) => {
    const layer = await makeLayer()
    for (const wanted of numbered(20)) {
      const abort = new AbortController()
      const first = layer.receive('channel', { signal: abort.signal })
      // From "before it waits" to "after it has the message": every point has to be safe.
      for (let turn = 0; turn < Number(wanted['number']) % 4; turn++) await settle()
      const sent = layer.send('channel', wanted)
      for (let tick = 0; tick < Number(wanted['number']) % 5; tick++) await Promise.resolve()
      abort.abort()
      const outcome = await first.catch(() => undefined)
      await sent
      assert.deepEqual(outcome ?? (await receiveSoon(layer, 'channel')), wanted)
    }
    await assertNothingWaits(layer, 'channel')
  },
  'rejects a second receiver of a channel, attached or pending': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    assert.throws(() => layer.attach(channel, new Collector()), { code: 'ERR_CHANNEL_TAKEN' })
    await assert.rejects(() => layer.receive(channel), { code: 'ERR_CHANNEL_TAKEN' })
    await layer.send(channel, message)
    await collector.first(1)
  },
  'pushes queued messages of a channel when a receiver is attached': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const channel = layer.newChannel()
    const messages = numbered(3)
    for (const one of messages) await layer.send(channel, one)
    const collector = new Collector()
    layer.attach(channel, collector)
    assert.deepEqual(await collector.first(3), messages)
  },
  'pushes nothing after detach, and allows the name to be attached again': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    await layer.detach(channel)
    await layer.detach(channel)
    const second = new Collector()
    layer.attach(channel, second)
    await layer.send(channel, message)
    assert.deepEqual(await second.first(1), [message])
    assert.deepEqual(collector.messages, [])
  },
}
