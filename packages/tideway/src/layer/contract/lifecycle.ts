import assert from 'node:assert/strict'
import type { ContractChapter } from './contract-test.ts'
import { assertNothingWaits, attachNew, numbered, receiveSoon, settle, until } from './contract-test.ts'

const message = { type: 'contract.message' }

/** flush, close and the numbers of stats. */
export const lifecycleTests: ContractChapter = {
  'deletes queued messages and groups at flush, and keeps receivers attached': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel, collector] = attachNew(layer)
    await layer.groupAdd('group', channel)
    await layer.send('jobs', message)
    await layer.flush()
    assert.equal(layer.stats().groups, 0)
    await layer.groupSend('group', message)
    await layer.send(channel, { type: 'contract.marker' })
    assert.deepEqual(await collector.first(1), [{ type: 'contract.marker' }])
    await assertNothingWaits(layer, 'jobs')
    await layer.groupAdd('group', channel)
    await layer.groupSend('group', message)
    assert.deepEqual((await collector.first(2))[1], message)
  },
  'deletes at flush messages that were sent just before': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const sent = layer.send('jobs', message)
    await layer.flush()
    await sent
    await assertNothingWaits(layer, 'jobs')
  },
  'keeps a receive() pending through flush': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [general, local] = ['jobs', layer.newChannel()]
    const waiting = [receiveSoon(layer, general), receiveSoon(layer, local)]
    await settle()
    await layer.flush()
    await layer.send(general, { type: 'contract.general' })
    await layer.send(local, { type: 'contract.local' })
    assert.deepEqual(await Promise.all(waiting), [{ type: 'contract.general' }, { type: 'contract.local' }])
  },
  'rejects every call after close': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel] = attachNew(layer)
    await layer.groupAdd('group', channel)
    await layer.close()
    const closed = { code: 'ERR_LAYER_CLOSED' }
    await assert.rejects(() => layer.send('jobs', message), closed)
    await assert.rejects(() => layer.receive('jobs'), closed)
    await assert.rejects(() => layer.groupAdd('group', channel), closed)
    await assert.rejects(() => layer.groupDiscard('group', channel), closed)
    await assert.rejects(() => layer.groupSend('group', message), closed)
    await assert.rejects(() => layer.flush(), closed)
    assert.throws(() => layer.attach(layer.newChannel(), { deliver: () => 'delivered' }), closed)
  },
  'allows detach and a second close after close': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [channel] = attachNew(layer)
    await layer.groupAdd('group', channel)
    await Promise.all([layer.close(), layer.close()])
    await layer.detach(channel)
    await layer.close()
    assert.equal(layer.stats().groups, 0)
    assert.equal(layer.stats().channels, 0)
  },
  'rejects a pending receive() when the layer is closed': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const waiting = [layer.receive('jobs'), layer.receive(layer.newChannel())]
    const rejected = waiting.map((one) => assert.rejects(one, { code: 'ERR_LAYER_CLOSED' }))
    await settle()
    await layer.close()
    await Promise.all(rejected)
  },
  'counts deliveries, channels and groups': async ({ makeLayer }) => {
    const layer = await makeLayer()
    assert.equal(layer.stats().delivered, 0)
    assert.equal(layer.stats().reconnects, 0)
    const members = Array.from({ length: 3 }, () => attachNew(layer))
    for (const [channel] of members) await layer.groupAdd('one', channel)
    await layer.groupAdd('two', members[0]![0])
    assert.equal(layer.stats().channels, 3)
    assert.equal(layer.stats().groups, 2)
    for (const one of numbered(2)) await layer.groupSend('one', one)
    await layer.send(members[0]![0], message)
    await until('the deliveries are counted', () => layer.stats().delivered === 7)
    for (const [channel] of members) await layer.detach(channel)
    assert.equal(layer.stats().channels, 0)
    assert.equal(layer.stats().groups, 0)
    for (const count of Object.values(layer.stats().dropped)) assert.equal(count, 0)
  },
}
