import assert from 'node:assert/strict'
import { presenceLogOf } from '../presence/presence-entry.ts'
import { everything } from './log-test.ts'
import type { PresenceStore } from '../presence/presence-store.ts'
import { changesOf, entering, LONG_LEASE_MS, peopleOf, type PresenceContractChapter } from './presence-test.ts'

/** The keys of all people of a process who leave, or have left and are kept. */
async function leftOf(store: PresenceStore, process: string, settles: boolean): Promise<string[]> {
  const keys = new Set<string>()
  for (let goesOn = true; goesOn;) {
    const { left, hasMore, hasKept } = await store.leave('group', process, undefined, { keepMs: LONG_LEASE_MS })
    for (const { key } of left) keys.add(key)
    const members = left.map(({ member }) => member)
    if (settles && members.length > 0) await store.settle('group', process, members)
    goesOn = hasMore || (hasKept && settles)
  }
  return [...keys].toSorted()
}

/** Members, people and their changes. */
export const memberTests: PresenceContractChapter = {
  'appends a person who enters, and one who leaves': async (context) => {
    const { store } = context
    await store.enter('group', 'a', [entering(1, 'anna'), entering(2, 'bo')])
    assert.deepEqual(await peopleOf(context), { anna: { name: 'anna' }, bo: { name: 'bo' } })
    const { left } = await store.leave('group', 'a', [1])
    assert.deepEqual(left, [{ member: 1, key: 'anna', meta: '{"name":"anna"}' }])
    assert.deepEqual(await peopleOf(context), { bo: { name: 'bo' } })
    assert.deepEqual(await changesOf(context), [
      { in: { anna: { name: 'anna' } } },
      { in: { bo: { name: 'bo' } } },
      { out: ['anna'] },
    ])
  },
  'counts members with one key as one person, in several processes': async (context) => {
    const { store } = context
    await store.enter('group', 'a', [entering(1, 'anna'), entering(2, 'anna')])
    await store.enter('group', 'b', [entering(1, 'anna')])
    assert.equal((await store.who('group', 10)).count, 1)
    assert.deepEqual((await store.leave('group', 'a', [1, 2])).left, [])
    assert.deepEqual((await store.leave('group', 'b', [1])).left.length, 1)
    assert.deepEqual(await changesOf(context), [{ in: { anna: { name: 'anna' } } }, { out: ['anna'] }])
  },
  'removes a member once, also if several calls remove it': async (context) => {
    const { store } = context
    await store.enter('group', 'a', [entering(1, 'anna')])
    const results = await Promise.all(Array.from({ length: 10 }, () => store.leave('group', 'a', [1])))
    assert.equal(results.flatMap(({ left }) => left).length, 1)
    assert.deepEqual((await changesOf(context)).length, 2)
  },
  'enters a member once, also if the call is repeated': async (context) => {
    const { store } = context
    for (let call = 0; call < 3; call++) await store.enter('group', 'a', [entering(1, 'anna')])
    assert.deepEqual(await peopleOf(context), { anna: { name: 'anna' } })
    assert.equal((await store.leave('group', 'a', [1])).left.length, 1)
    assert.deepEqual(await peopleOf(context), {})
  },
  'keeps the meta of the last member that entered or changed it': async (context) => {
    const { store } = context
    await store.enter('group', 'a', [entering(1, 'anna', 1)])
    await store.enter('group', 'b', [entering(1, 'anna', 2)])
    assert.deepEqual(await peopleOf(context), { anna: 2 })
    await store.enter('group', 'a', [{ ...entering(1, 'anna', 3), kind: 'update' }])
    assert.deepEqual(await peopleOf(context), { anna: 3 })
    await store.leave('group', 'b', [1])
    assert.deepEqual(await peopleOf(context), { anna: 3 })
    assert.deepEqual(await changesOf(context), [{ in: { anna: 1 } }, { up: { anna: 2 } }, { up: { anna: 3 } }])
    assert.deepEqual((await store.leave('group', 'a', [1])).left, [{ member: 1, key: 'anna', meta: '3' }])
  },
  'updates nothing without the member': async (context) => {
    await context.store.enter('group', 'a', [{ ...entering(1, 'anna'), kind: 'update' }])
    assert.deepEqual(await peopleOf(context), {})
    assert.deepEqual(await changesOf(context), [])
  },
  'restores a lost member without a change of the meta of the person': async (context) => {
    const { store } = context
    await store.enter('group', 'a', [entering(1, 'anna', 'new')])
    const restored = { ...entering(1, 'anna', 'old'), kind: 'restore' as const }
    await store.enter('group', 'b', [restored])
    await store.enter('group', 'b', [restored])
    assert.deepEqual(await peopleOf(context), { anna: 'new' })
    await store.leave('group', 'a', [1])
    assert.deepEqual(await peopleOf(context), { anna: 'new' })
    await store.leave('group', 'b', [1])
    await store.enter('group', 'b', [restored])
    assert.deepEqual(await changesOf(context), [{ in: { anna: 'new' } }, { out: ['anna'] }, { in: { anna: 'old' } }])
  },
  'removes all members of a process, and no other ones': async (context) => {
    const { store } = context
    await store.enter(
      'group',
      'a',
      Array.from({ length: 1200 }, (_, index) => entering(index, `person ${index}`)),
    )
    await store.enter('group', 'b', [entering(1, 'bo'), entering(2, 'person 7')])
    const left = new Set<string>()
    for (let hasMore = true; hasMore;) {
      const result = await store.leave('group', 'a')
      for (const { key } of result.left) left.add(key)
      hasMore = result.hasMore
    }
    assert.equal(left.size, 1199)
    assert.deepEqual(await peopleOf(context), { bo: { name: 'bo' }, 'person 7': { name: 'person 7' } })
    assert.deepEqual((await store.who('group', 10)).processes, ['b'])
  },
  'returns people who have left again with keepMs, until they are settled': async (context) => {
    const { store } = context
    const keep = { keepMs: LONG_LEASE_MS }
    const people = Array.from({ length: 450 }, (_, index) => entering(index, `person ${index}`))
    await store.enter('group', 'a', [...people, entering(1000, 'anna'), entering(1001, 'bo')])
    const anna = { member: 1000, key: 'anna', meta: '{"name":"anna"}' }
    for (let call = 0; call < 2; call++) {
      assert.deepEqual((await store.leave('group', 'a', [1000, 5000], keep)).left, [anna])
    }
    assert.deepEqual((await store.leave('group', 'b', [1000], keep)).left, [])
    await store.settle('group', 'a', [1000])
    assert.deepEqual((await store.leave('group', 'a', [1000], keep)).left, [])
    assert.deepEqual(await leftOf(store, 'a', false), ['bo', ...people.map(({ key }) => key)].toSorted())
    assert.deepEqual(await leftOf(store, 'a', true), ['bo', ...people.map(({ key }) => key)].toSorted())
    assert.deepEqual(await leftOf(store, 'a', true), [])
    assert.equal((await changesOf(context)).length, 2 * 452)
  },
  'drops what is kept in a call without members and keepMs': async ({ store }) => {
    await store.enter('group', 'a', [entering(1, 'anna')])
    await store.leave('group', 'a', [1], { keepMs: LONG_LEASE_MS })
    assert.deepEqual(await store.leave('group', 'a'), { left: [], hasMore: false, hasKept: false })
    assert.deepEqual((await store.leave('group', 'a', [1], { keepMs: LONG_LEASE_MS })).left, [])
  },
  'keeps every text as it is': async (context) => {
    const { store } = context
    const keys = ['', ':', '1:x', '"quoted"', '__proto__', 'zero \u0000', 'é 한국어 😀 \u2028', 'x'.repeat(128)]
    await store.enter(
      'group',
      'a',
      keys.map((key, index) => entering(index, key, { key })),
    )
    const { people } = await store.who('group', 100)
    const metas = new Map(people.map(({ key, meta }) => [key, JSON.parse(meta) as unknown]))
    for (const key of keys) assert.deepEqual(metas.get(key), { key })
    const { left } = await store.leave('group', 'a')
    assert.deepEqual(new Set(left.map(({ key }) => key)), new Set(keys))
  },
  'keeps the people of groups apart': async (context) => {
    await context.store.enter('one', 'a', [entering(1, 'anna')])
    await context.store.enter('two', 'a', [entering(1, 'bo')])
    await context.store.leave('one', 'a', [1])
    assert.deepEqual(await peopleOf(context, 'one'), {})
    assert.deepEqual(await peopleOf(context, 'two'), { bo: { name: 'bo' } })
  },
  'returns at most `limit` people, and the count of all': async (context) => {
    const { store } = context
    await store.enter(
      'group',
      'a',
      Array.from({ length: 700 }, (_, index) => entering(index, `person ${index}`)),
    )
    for (const limit of [0, 1, 699, 700, 701]) {
      const { count, people } = await store.who('group', limit)
      assert.deepEqual([count, people.length], [700, Math.min(limit, 700)])
      assert.equal(new Set(people.map(({ key }) => key)).size, people.length)
    }
  },
  'returns the people and the newest position of one moment': async (context) => {
    const { store, log } = context
    const first = await store.who('group', 10)
    assert.deepEqual([first.count, first.people, first.position.offset], [0, [], 0])
    const writes = Array.from({ length: 50 }, async (_, index) => {
      await store.enter('group', 'a', [entering(index, `person ${index}`)])
      const { people, position } = await store.who('group', 100)
      assert.equal(people.length, position.offset)
    })
    await Promise.all(writes)
    const { status, entries } = await log.read(presenceLogOf('group'), { ...everything, since: first.position })
    assert.deepEqual([status, entries.length], ['continues', 50])
  },
}
