import assert from 'node:assert/strict'
import type { DeadProcess } from '../presence/presence-store.ts'
import { until } from './contract-test.ts'
import {
  announceNew,
  changesOf,
  entering,
  LONG_LEASE_MS,
  peopleOf,
  sweepNew,
  type PresenceContext,
  type PresenceContractChapter,
} from './presence-test.ts'

async function untilDead(context: PresenceContext): Promise<readonly DeadProcess[]> {
  let found: readonly DeadProcess[] = []
  await until('a lease ends', async () => (found = await sweepNew(context)).length > 0)
  return found
}

/** Leases: how a process dies, and is buried. */
export const leaseTests: PresenceContractChapter = {
  'announces a process without a lease only if it is new': async (context) => {
    const { store } = context
    assert.equal(await store.announce('a', ['group'], { leaseMs: LONG_LEASE_MS, isNew: false }), false)
    assert.equal((await store.beat('a', { leaseMs: LONG_LEASE_MS, without: [] })).isKnown, false)
    assert.equal(await announceNew(context, 'a', LONG_LEASE_MS, []), true)
    assert.equal(await store.announce('a', ['group'], { leaseMs: LONG_LEASE_MS, isNew: false }), true)
    assert.equal((await store.beat('a', { leaseMs: LONG_LEASE_MS, without: [] })).isKnown, true)
  },
  'returns a process whose lease has ended, with its groups': async (context) => {
    await announceNew(context, 'alive', LONG_LEASE_MS)
    await announceNew(context, 'dead', context.leaseMs, ['group', 'other'])
    const [dead, ...others] = await untilDead(context)
    assert.deepEqual([dead?.process, dead?.groups.toSorted(), others], ['dead', ['group', 'other'], []])
    assert.equal((await context.store.beat('dead', { leaseMs: LONG_LEASE_MS, without: [] })).isKnown, false)
    assert.equal(await context.store.announce('dead', ['group'], { leaseMs: LONG_LEASE_MS, isNew: false }), false)
  },
  'returns a dead process to one caller, and again after retryMs, until it is buried': async (context) => {
    const { store } = context
    await announceNew(context, 'dead', context.leaseMs)
    await untilDead(context)
    assert.deepEqual(await sweepNew(context), [])
    const again = { retryMs: 0, suspects: [] }
    assert.deepEqual(await store.sweep(again), [{ process: 'dead', groups: ['group'] }])
    await store.bury('dead')
    assert.deepEqual(await store.sweep(again), [])
  },
  'returns concurrent callers a dead process once': async (context) => {
    await announceNew(context, 'dead', context.leaseMs)
    let found: (readonly DeadProcess[])[] = []
    await until('the lease ends', async () => {
      found = await Promise.all(Array.from({ length: 10 }, () => sweepNew(context)))
      return found.flat().length > 0
    })
    assert.equal(found.flat().length, 1)
  },
  'renews a lease with a beat': async (context) => {
    const { store, leaseMs } = context
    await announceNew(context, 'a', leaseMs)
    await announceNew(context, 'b', leaseMs)
    const first = await store.beat('a', { leaseMs: LONG_LEASE_MS, without: [] })
    assert.deepEqual(
      (await untilDead(context)).map(({ process }) => process),
      ['b'],
    )
    const second = await store.beat('a', { leaseMs: LONG_LEASE_MS, without: [] })
    assert.ok(second.isKnown && second.now >= first.now)
  },
  'ends a lease sooner if the process stops': async (context) => {
    await announceNew(context, 'a', LONG_LEASE_MS)
    await context.store.retire('a', context.leaseMs)
    assert.deepEqual(await untilDead(context), [{ process: 'a', groups: ['group'] }])
  },
  'does not begin a lease for a process that stops without one': async (context) => {
    await context.store.retire('a', LONG_LEASE_MS)
    assert.equal((await context.store.beat('a', { leaseMs: LONG_LEASE_MS, without: [] })).isKnown, false)
  },
  'forgets the groups that a process no longer has': async (context) => {
    await announceNew(context, 'a', LONG_LEASE_MS, ['one', 'two', 'three'])
    await context.store.beat('a', { leaseMs: context.leaseMs, without: ['one', 'three'] })
    assert.deepEqual(await untilDead(context), [{ process: 'a', groups: ['two'] }])
  },
  'returns a suspect without a lease as dead, and no other one': async (context) => {
    const { store } = context
    await announceNew(context, 'alive', LONG_LEASE_MS, [])
    await store.enter('group', 'alive', [entering(1, 'anna')])
    await store.enter('group', 'ghost', [entering(1, 'bo')])
    const { processes } = await store.who('group', 10)
    assert.deepEqual(processes.toSorted(), ['alive', 'ghost'])
    const suspects = processes.map((process) => ({ process, group: 'group' }))
    assert.deepEqual(await store.sweep({ retryMs: LONG_LEASE_MS, suspects }), [{ process: 'ghost', groups: ['group'] }])
    await store.leave('group', 'ghost')
    await store.bury('ghost')
    assert.deepEqual(await peopleOf(context), { anna: { name: 'anna' } })
    assert.deepEqual((await changesOf(context)).at(-1), { out: ['bo'] })
    assert.deepEqual(await store.sweep({ retryMs: 0, suspects: [] }), [])
  },
}
