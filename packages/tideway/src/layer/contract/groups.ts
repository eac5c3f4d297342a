import assert from 'node:assert/strict'
import type { Delivery, Message } from '../channel-layer.ts'
import type { ContractChapter } from './contract-test.ts'
import { attachNew, Collector, numbered, receiveSoon, settle, until } from './contract-test.ts'

const message = { type: 'contract.message' }

/** Groups: who is in, who gets what, and in which order. */
export const groupTests: ContractChapter = {
  'sends to every member of the group once and to no other channel': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const members = Array.from({ length: 3 }, () => attachNew(layer))
    const [other, stranger] = attachNew(layer)
    for (const [channel] of members) await layer.groupAdd('group', channel)
    await layer.groupAdd('other', other)
    await layer.groupSend('group', message)
    await layer.groupSend('group', { type: 'contract.last' })
    for (const [, collector] of members) {
      assert.deepEqual(await collector.first(2), [message, { type: 'contract.last' }])
    }
    await layer.groupSend('other', { type: 'contract.other' })
    assert.deepEqual(await stranger.first(1), [{ type: 'contract.other' }])
  },
  'sends to members that are received from': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [one, two] = [layer.newChannel(), layer.newChannel()]
    await Promise.all([one, two].map((channel) => layer.groupAdd('group', channel)))
    const waiting = receiveSoon(layer, one)
    await layer.groupSend('group', message)
    assert.deepEqual(await waiting, message)
    assert.deepEqual(await receiveSoon(layer, two), message)
  },
  'adds a channel to many groups, and only once to each': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    await layer.groupAdd('one', channel)
    await layer.groupAdd('one', channel)
    await layer.groupAdd('two', channel)
    await layer.groupSend('one', { type: 'contract.one' })
    await layer.groupSend('one', { type: 'contract.marker' })
    assert.deepEqual(await collector.first(2), [{ type: 'contract.one' }, { type: 'contract.marker' }])
    await layer.groupSend('two', { type: 'contract.two' })
    assert.deepEqual((await collector.first(3))[2], { type: 'contract.two' })
    await layer.groupDiscard('one', channel)
    await layer.groupSend('one', message)
    await layer.groupSend('two', { type: 'contract.two' })
    assert.deepEqual((await collector.first(4))[3], { type: 'contract.two' })
  },
  'sends nothing to a channel that was discarded': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [leaving, gone] = attachNew(layer)
    const [staying, control] = attachNew(layer)
    await layer.groupAdd('group', leaving)
    await layer.groupAdd('group', staying)
    await layer.groupDiscard('group', leaving)
    await layer.groupSend('group', message)
    await control.first(1)
    await settle()
    assert.deepEqual(gone.messages, [])
  },
  'adds a member again that left': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    await layer.groupAdd('group', channel)
    // Not awaited: the two must not overtake each other on their way to the engine.
    const discarded = layer.groupDiscard('group', channel)
    await layer.groupAdd('group', channel)
    await discarded
    await layer.groupSend('group', message)
    assert.deepEqual(await collector.first(1), [message])
  },
  'reaches every member whose groupAdd has resolved, first or not': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [first] = attachNew(layer)
    const [second, collector] = attachNew(layer)
    const adding = layer.groupAdd('group', first)
    await layer.groupAdd('group', second)
    await layer.groupSend('group', message)
    assert.deepEqual(await collector.first(1), [message])
    await adding
  },
  'accepts groupDiscard() of a channel outside the group, and groupSend() without members': async ({ makeLayer }) => {
    const layer = await makeLayer()
    await layer.groupDiscard('group', 'channel')
    await layer.groupAdd('group', layer.newChannel())
    await layer.groupDiscard('group', 'channel')
    await layer.groupSend('no-members', message)
  },
  'skips the channels of `except`, one or many': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const members = Array.from({ length: 20 }, () => attachNew(layer))
    for (const [channel] of members) await layer.groupAdd('group', channel)
    const channels = members.map(([channel]) => channel)
    const sent: readonly (readonly [Message, string | readonly string[] | undefined])[] = [
      [{ type: 'contract.but.one' }, channels[0]!],
      [{ type: 'contract.but.two' }, [channels[0]!, channels[1]!]],
      [{ type: 'contract.but.many' }, channels.slice(1, 19)],
      [{ type: 'contract.but.none' }, []],
      [{ type: 'contract.but.stranger' }, layer.newChannel()],
      [{ type: 'contract.last' }, undefined],
    ]
    for (const [one, except] of sent) await layer.groupSend('group', one, { except })
    for (const [channel, collector] of members) {
      const wanted = sent.filter(([, except]) => except === undefined || !except.includes(channel)).map(([one]) => one)
      assert.deepEqual(await collector.first(wanted.length), wanted)
    }
  },
  'keeps the order of the calls of one sender for every member, awaited or not': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const members = Array.from({ length: 3 }, () => attachNew(layer))
    for (const [channel] of members) await layer.groupAdd('group', channel)
    const messages = numbered(100)
    for (const one of messages.slice(0, 10)) await layer.groupSend('group', one)
    await Promise.all(messages.slice(10).map((one) => layer.groupSend('group', one)))
    for (const [, collector] of members) assert.deepEqual(await collector.first(100), messages)
  },
  'delivers two messages to all members in one order, also if a member answers with a message': async ({
    makeLayer,
  }) => {
    const layer = await makeLayer()
    const answering = layer.newChannel()
    let answered: Promise<void> | undefined
    layer.attach(answering, {
      deliver(one: Message): Delivery {
        if (one.type === 'contract.question') answered = layer.groupSend('group', { type: 'contract.answer' })
        return 'delivered'
      },
    })
    await layer.groupAdd('group', answering)
    const members = Array.from({ length: 3 }, () => attachNew(layer))
    for (const [channel] of members) await layer.groupAdd('group', channel)
    await layer.groupSend('group', { type: 'contract.question' })
    for (const [, collector] of members) {
      await collector.first(2)
      assert.deepEqual(collector.types, ['contract.question', 'contract.answer'])
    }
    await answered
  },
  'delivers a message once to a member that leaves and joins again during delivery': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const rejoining = layer.newChannel()
    const pending: Promise<void>[] = []
    let pushed = 0
    layer.attach(rejoining, {
      deliver() {
        pushed++
        if (pushed < 100) pending.push(layer.groupDiscard('group', rejoining), layer.groupAdd('group', rejoining))
        return 'delivered'
      },
    })
    await layer.groupAdd('group', rejoining)
    const [control, collector] = attachNew(layer)
    await layer.groupAdd('group', control)
    await layer.groupSend('group', message)
    await collector.first(1)
    await Promise.all(pending)
    await settle()
    assert.equal(pushed, 1)
  },
  'does not deliver a message to a channel that joins during delivery': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const late = new Collector()
    const [lateChannel] = attachNew(layer, late)
    const host = layer.newChannel()
    let added: Promise<void> | undefined
    layer.attach(host, {
      deliver() {
        added ??= layer.groupAdd('group', lateChannel)
        return 'delivered'
      },
    })
    await layer.groupAdd('group', host)
    await layer.groupSend('group', { type: 'contract.first' })
    await until('the message is pushed', () => added !== undefined)
    await added
    await layer.groupSend('group', { type: 'contract.second' })
    assert.deepEqual(await late.first(1), [{ type: 'contract.second' }])
  },
  'removes a channel from every group when it is detached': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    for (const group of ['one', 'two', 'three']) await layer.groupAdd(group, channel)
    assert.equal(layer.stats().groups, 3)
    await layer.detach(channel)
    assert.equal(layer.stats().groups, 0)
    assert.equal(layer.stats().channels, 0)
    layer.attach(channel, collector)
    for (const group of ['one', 'two', 'three']) await layer.groupSend(group, message)
    await layer.send(channel, { type: 'contract.marker' })
    assert.deepEqual(await collector.first(1), [{ type: 'contract.marker' }])
  },
  'delivers to the other members when a receiver throws': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const broken = layer.newChannel()
    layer.attach(broken, {
      deliver() {
        throw new Error('broken receiver')
      },
    })
    await layer.groupAdd('group', broken)
    const [channel, collector] = attachNew(layer)
    await layer.groupAdd('group', channel)
    for (const one of numbered(2)) await layer.groupSend('group', one).catch(() => {})
    assert.deepEqual(await collector.first(2), numbered(2))
  },
}
