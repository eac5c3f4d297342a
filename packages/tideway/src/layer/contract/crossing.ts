import assert from 'node:assert/strict'
import type { ContractChapter } from './contract-test.ts'
import { attachNew, numbered, receiveSoon, settle } from './contract-test.ts'
import { assertFrozen } from './messages.ts'
import { valueMessages } from './values.ts'

const message = { type: 'contract.message' }

/** Two layers on one engine: what one process sends reaches the other as it would reach the sender's own. */
export const crossingTests: ContractChapter = {
  'makes channel names in two processes that are all different': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const names = Array.from({ length: 100 }, (_, index) => (index % 2 === 0 ? layer : peer).newChannel())
    assert.equal(new Set(names).size, 100)
  },
  'sends to an attached channel of another process, both ways': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [here, mine] = attachNew(layer)
    const [there, theirs] = attachNew(peer)
    await layer.send(there, { type: 'contract.there' })
    await peer.send(here, { type: 'contract.here' })
    assert.deepEqual(await theirs.first(1), [{ type: 'contract.there' }])
    assert.deepEqual(await mine.first(1), [{ type: 'contract.here' }])
  },
  'sends to a channel that another process receives from': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const channel = peer.newChannel()
    const waiting = receiveSoon(peer, channel)
    await settle()
    await layer.send(channel, message)
    assert.deepEqual(await waiting, message)
  },
  'sends to a group with members in several processes, from each of them': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const members = [attachNew(layer), attachNew(layer)]
    const peers = [attachNew(peer), attachNew(peer)]
    for (const [channel] of members) await layer.groupAdd('group', channel)
    for (const [channel] of peers) await peer.groupAdd('group', channel)
    await layer.groupSend('group', { type: 'contract.one' })
    for (const [, collector] of [...members, ...peers]) await collector.first(1)
    await peer.groupSend('group', { type: 'contract.two' })
    for (const [, collector] of [...members, ...peers]) {
      await collector.first(2)
      assert.deepEqual(collector.types, ['contract.one', 'contract.two'])
    }
  },
  'sends to a group without a member in the sending process': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [channel, collector] = attachNew(peer)
    await peer.groupAdd('group', channel)
    await layer.groupSend('group', message)
    assert.deepEqual(await collector.first(1), [message])
  },
  'reaches every member of another process whose groupAdd has resolved, first or not': async ({
    makeLayer,
    makePeer,
  }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [first] = attachNew(peer)
    const [second, collector] = attachNew(peer)
    const adding = peer.groupAdd('group', first)
    await peer.groupAdd('group', second)
    await layer.groupSend('group', message)
    assert.deepEqual(await collector.first(1), [message])
    await adding
  },
  'adds a member of another process again that left at the same moment': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [channel, collector] = attachNew(peer)
    await peer.groupAdd('group', channel)
    for (const one of numbered(10)) {
      const discarded = peer.groupDiscard('group', channel)
      await peer.groupAdd('group', channel)
      await layer.groupSend('group', one)
      await collector.first(Number(one['number']) + 1)
      await discarded
    }
    assert.deepEqual(collector.messages, numbered(10))
  },
  'skips the channels of `except` in another process': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [excepted, collector] = attachNew(peer)
    const [other, control] = attachNew(peer)
    for (const channel of [excepted, other]) await peer.groupAdd('group', channel)
    await layer.groupSend('group', { type: 'contract.but.one' }, { except: excepted })
    await layer.groupSend('group', { type: 'contract.but.two' }, { except: [excepted, layer.newChannel()] })
    await layer.groupSend('group', { type: 'contract.all' })
    await control.first(3)
    await collector.first(1)
    assert.deepEqual(collector.types, ['contract.all'])
    assert.deepEqual(control.types, ['contract.but.one', 'contract.but.two', 'contract.all'])
  },
  'sends nothing to a member of another process that was discarded or detached': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [discarded, first] = attachNew(peer)
    const [detached, second] = attachNew(peer)
    const [staying, control] = attachNew(peer)
    for (const channel of [discarded, detached, staying]) await peer.groupAdd('group', channel)
    await peer.groupDiscard('group', discarded)
    await peer.detach(detached)
    await layer.groupSend('group', message)
    await control.first(1)
    await settle()
    assert.deepEqual([...first.messages, ...second.messages], [])
  },
  'keeps the order of one sender on the way to another process, to a channel and to a group': async ({
    makeLayer,
    makePeer,
  }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [channel, direct] = attachNew(peer)
    const [member, grouped] = attachNew(peer)
    await peer.groupAdd('group', member)
    const messages = numbered(100)
    await Promise.all(messages.map((one) => layer.send(channel, one)))
    assert.deepEqual(await direct.first(100), messages)
    await Promise.all(messages.map((one) => layer.groupSend('group', one)))
    assert.deepEqual(await grouped.first(100), messages)
  },
  'delivers every kind of value to another process as it was sent, and frozen': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [channel, direct] = attachNew(peer)
    const [member, grouped] = attachNew(peer)
    await peer.groupAdd('group', member)
    const messages = valueMessages()
    for (const one of messages) {
      await layer.send(channel, one)
      await layer.groupSend('group', one)
    }
    for (const collector of [direct, grouped]) {
      assert.deepEqual(await collector.first(messages.length), messages)
      collector.messages.forEach(assertFrozen)
    }
  },
  'delivers 1 MiB to another process': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [channel, collector] = attachNew(peer)
    const large = { type: 'contract.large', text: '' }
    large.text = 'x'.repeat(1024 * 1024 - JSON.stringify(large).length)
    await layer.send(channel, large)
    const [received] = await collector.first(1)
    assert.ok(received?.['text'] === large.text, 'the text arrives whole')
  },
  'continues when the layer of another process is closed': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const [here, mine] = attachNew(layer)
    const [there] = attachNew(peer)
    await layer.groupAdd('group', here)
    await peer.groupAdd('group', there)
    await peer.close()
    await layer.groupSend('group', message)
    assert.deepEqual(await mine.first(1), [message])
  },
}
