import assert from 'node:assert/strict'
import { ChannelFullError } from '../errors.ts'
import type { ContractChapter } from './contract-test.ts'
import { numbered, receiveSoon, settle, until } from './contract-test.ts'
import { assertFrozen } from './messages.ts'
import { valueMessages } from './values.ts'

/** General channels, those without a process in their name: any process sends, one receiver of all processes takes. */
export const crossingGeneralTests: ContractChapter = {
  'sends to a general channel, before and after another process receives from it': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    await layer.send('jobs', { type: 'contract.before' })
    assert.deepEqual(await receiveSoon(peer, 'jobs'), { type: 'contract.before' })
    const waiting = receiveSoon(peer, 'jobs')
    await layer.send('jobs', { type: 'contract.after' })
    assert.deepEqual(await waiting, { type: 'contract.after' })
  },
  'gives each message of a general channel to exactly one receiver of all processes': async ({
    makeLayer,
    makePeer,
  }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    const stop = new AbortController()
    const taken: unknown[] = []
    const work = async (worker: typeof layer): Promise<void> => {
      try {
        for (;;) taken.push((await worker.receive('jobs', { signal: stop.signal }))['number'])
      } catch (error) {
        if (!stop.signal.aborted) throw error
      }
    }
    const workers = [work(layer), work(peer), work(peer)]
    for (const one of numbered(30)) await layer.send('jobs', one)
    await until('every job is taken', () => taken.length >= 30)
    await settle()
    stop.abort()
    await Promise.all(workers)
    assert.deepEqual(
      taken.toSorted((a, b) => Number(a) - Number(b)),
      Array.from({ length: 30 }, (_, number) => number),
    )
  },
  'keeps the order of one sender on the way to a general channel': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    await Promise.all(numbered(100).map((one) => layer.send('jobs', one)))
    for (const wanted of numbered(100)) assert.deepEqual(await receiveSoon(peer, 'jobs'), wanted)
  },
  'counts the capacity of a general channel for all processes together': async ({ makeLayer, makePeer }) => {
    const layer = await makeLayer({ capacity: 4 })
    const peer = await makePeer(layer, { capacity: 4 })
    for (const one of numbered(4)) await (Number(one['number']) % 2 === 0 ? layer : peer).send('jobs', one)
    await assert.rejects(() => layer.send('jobs', { type: 'contract.message' }), ChannelFullError)
    await assert.rejects(() => peer.send('jobs', { type: 'contract.message' }), ChannelFullError)
    for (const wanted of numbered(4)) assert.deepEqual(await receiveSoon(peer, 'jobs'), wanted)
  },
  'loses no message of a general channel to an aborted receive() of another process': async ({
    makeLayer,
    makePeer,
  }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    for (const wanted of numbered(10)) {
      const abort = new AbortController()
      const first = peer.receive('jobs', { signal: abort.signal })
      for (let turn = 0; turn < Number(wanted['number']) % 4; turn++) await settle()
      const sent = layer.send('jobs', wanted)
      for (let turn = 0; turn < Number(wanted['number']) % 3; turn++) await settle()
      abort.abort()
      const outcome = await first.catch(() => undefined)
      await sent
      assert.deepEqual(outcome ?? (await receiveSoon(layer, 'jobs')), wanted)
    }
  },
  'delivers every kind of value through a general channel as it was sent, and frozen': async ({
    makeLayer,
    makePeer,
  }) => {
    const layer = await makeLayer()
    const peer = await makePeer(layer)
    for (const wanted of valueMessages()) {
      await layer.send('jobs', wanted)
      const received = await receiveSoon(peer, 'jobs')
      assert.deepEqual(received, wanted)
      assertFrozen(received)
    }
  },
}
