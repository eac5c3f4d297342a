import assert from 'node:assert/strict'
import type { EventLog, SetOptions, SetResult, StateRead, ValuesOptions } from '../log/event-log.ts'
import { containsPosition, MAX_DELETIONS, type Position } from '../log/position.ts'
import { until } from './contract-test.ts'
import { bodiesOf, LogCollector, type LogContractChapter } from './log-test.ts'

/** Options of a change whose value stays for the whole test. */
const lasting: SetOptions = Object.freeze({ maxKeys: 1000, maxBytes: 1_048_576, headTtlMs: 600_000 })

function set(log: EventLog, key: string, body: string, options: Partial<SetOptions> = {}): Promise<SetResult> {
  return log.set('group', key, body, { ...lasting, ...options })
}

/** Deletes a key. */
function remove(log: EventLog, key: string, options: Partial<SetOptions> = {}): Promise<SetResult> {
  return set(log, key, `no ${key}`, { ...options, deletes: true })
}

/** Changes a key that must change, and returns its version. */
async function changed(result: Promise<SetResult>): Promise<Position> {
  const { status, version } = await result
  assert.equal(status, 'changed')
  assert.ok(version !== undefined, 'a changed key has a version')
  return version
}

/** Reads, and checks what holds for every result. */
async function valuesOf(log: EventLog, options: Partial<ValuesOptions> = {}): Promise<StateRead> {
  const read = await log.values('group', { headTtlMs: 600_000, ...options })
  const { status, why, entries, top, epochs, floor } = read
  assert.equal(why === undefined, status !== 'lost', 'only a lost position has a reason')
  assert.ok(floor >= 0 && floor <= top.offset, 'the floor is in the log')
  const head = { epochs, top: top.offset, first: 0 }
  assert.equal(containsPosition(head, top), true, 'the newest position is in the log')
  entries.forEach(({ epoch, offset }, index) => {
    assert.ok(offset > (entries[index - 1]?.offset ?? 0), 'the offsets ascend')
    assert.equal(containsPosition(head, { epoch, offset }), true, 'a change is at a position of the log')
  })
  return read
}

/** Values: changes, versions, bounds, and which positions the newest changes continue. */
export const valuesTests: LogContractChapter = {
  'gives a group without values a position, and continues it': async ({ makeLog }) => {
    const log = await makeLog()
    const empty = await valuesOf(log)
    assert.deepEqual([empty.status, empty.entries, empty.top.offset, empty.floor], ['fresh', [], 0, 0])
    await set(log, 'a', '1')
    const read = await valuesOf(log, { since: empty.top })
    assert.deepEqual([read.status, bodiesOf(read)], ['continues', ['1']])
  },
  'returns the newest value of each key, in the order of the changes': async ({ makeLog }) => {
    const log = await makeLog()
    const versions = []
    for (const [key, body] of ['a1', 'b2', 'c3', 'a4', 'b5', 'd6'].entries()) {
      assert.equal(key + 1, Number(body[1]))
      versions.push(await changed(set(log, body[0]!, body)))
    }
    assert.deepEqual(
      versions.map(({ offset }) => offset),
      [1, 2, 3, 4, 5, 6],
    )
    const read = await valuesOf(log)
    assert.deepEqual(bodiesOf(read), ['c3', 'a4', 'b5', 'd6'])
    assert.deepEqual(read.top, versions.at(-1))
    assert.deepEqual(
      read.entries.map(({ epoch, offset }) => ({ epoch, offset })),
      [versions[2], versions[3], versions[4], versions[5]],
    )
  },
  'returns the newest changes after each position, deletions too': async ({ makeLog }) => {
    const log = await makeLog()
    const versions = [(await valuesOf(log)).top]
    for (const body of ['a1', 'b2', 'c3', 'a4']) versions.push(await changed(set(log, body[0]!, body)))
    versions.push(await changed(remove(log, 'b')), await changed(set(log, 'd', 'd6')))
    const after = [
      ['c3', 'a4', 'no b', 'd6'],
      ['c3', 'a4', 'no b', 'd6'],
      ['c3', 'a4', 'no b', 'd6'],
      ['a4', 'no b', 'd6'],
      ['no b', 'd6'],
      ['d6'],
      [],
    ]
    for (const [offset, bodies] of after.entries()) {
      const read = await valuesOf(log, { since: versions[offset]! })
      assert.deepEqual([read.status, bodiesOf(read)], ['continues', bodies], `since ${offset}`)
    }
  },
  'continues a position after any number of changes': async ({ makeLog }) => {
    const log = await makeLog()
    const since = await changed(set(log, 'a', 'first'))
    for (let number = 1; number <= 300; number++) await set(log, number % 2 === 0 ? 'a' : 'b', String(number))
    const read = await valuesOf(log, { since })
    assert.deepEqual([read.status, bodiesOf(read), read.top.offset], ['continues', ['299', '300'], 301])
  },
  'sends each change to the watchers, in order': async ({ makeLog }) => {
    const log = await makeLog()
    const sink = new LogCollector()
    await log.watch('group', sink)
    const version = await changed(set(log, 'a', '1'))
    await Promise.all([set(log, 'a', '2'), remove(log, 'a'), set(log, 'b', '3')])
    const entries = await sink.first(4)
    assert.deepEqual(
      entries.map(({ offset }) => offset),
      [1, 2, 3, 4],
    )
    assert.deepEqual(entries[0], { ...version, body: '1' })
    assert.deepEqual(sink.bodies.toSorted(), ['1', '2', '3', 'no a'])
  },
  'deletes a key once': async ({ makeLog }) => {
    const log = await makeLog()
    assert.equal((await remove(log, 'a')).status, 'absent')
    await set(log, 'a', '1')
    await changed(remove(log, 'a'))
    assert.equal((await remove(log, 'a')).status, 'absent')
    const read = await valuesOf(log)
    assert.deepEqual([bodiesOf(read), read.top.offset], [['no a'], 2])
  },
  'keeps the values of groups and of keys apart, whatever the keys are': async ({ makeLog }) => {
    const log = await makeLog()
    const keys = ['e', 's', 'k:a', 'a', '', ' ', 'é 한국어 😀', '__proto__', '1', '"', 'x'.repeat(256)]
    for (const key of keys) await changed(set(log, key, `value of ${key}`))
    await log.set('other', 'a', 'of the other group', lasting)
    assert.deepEqual(
      bodiesOf(await valuesOf(log)),
      keys.map((key) => `value of ${key}`),
    )
  },
  'keeps every text up to 64 KiB as it is': async ({ makeLog }) => {
    const log = await makeLog()
    const bodies = ['', ':', '1:d:0:0:x', 'zeros \u0000 and line ends \r\n', '한국어 😀 \u2028', 'x'.repeat(65_536)]
    for (const [index, body] of bodies.entries()) {
      await changed(set(log, `key ${index}`, body, { expiry: { afterMs: 600_000, body } }))
    }
    assert.deepEqual(bodiesOf(await valuesOf(log)), bodies)
  },
  'changes a key with ifVersion only if it has this version': async ({ makeLog }) => {
    const log = await makeLog()
    const first = await changed(set(log, 'a', '1', { ifVersion: null }))
    assert.deepEqual(await set(log, 'a', '2', { ifVersion: null }), { status: 'conflict', version: first })
    const second = await changed(set(log, 'a', '2', { ifVersion: first }))
    assert.deepEqual(await set(log, 'a', '3', { ifVersion: first }), { status: 'conflict', version: second })
    assert.equal((await remove(log, 'a', { ifVersion: first })).status, 'conflict')
    await set(log, 'b', '4')
    const deleted = await changed(remove(log, 'a', { ifVersion: second }))
    for (const ifVersion of [first, second, deleted, { epoch: 'anotherEpoch', offset: 1 }]) {
      const { status, version } = await set(log, 'a', '5', { ifVersion })
      assert.deepEqual([status, version], ['conflict', undefined])
    }
    await changed(set(log, 'a', '6', { ifVersion: null }))
    assert.deepEqual(bodiesOf(await valuesOf(log)), ['4', '6'])
  },
  'changes a key once if concurrent changes have the same ifVersion': async ({ makeLog }) => {
    const log = await makeLog()
    const ifVersion = await changed(set(log, 'a', 'first'))
    const all = await Promise.all(Array.from({ length: 20 }, (_, index) => set(log, 'a', String(index), { ifVersion })))
    assert.equal(all.filter(({ status }) => status === 'changed').length, 1)
    assert.equal((await valuesOf(log)).top.offset, 2)
  },
  'rejects a key over maxKeys, and accepts it after a deletion': async ({ makeLog }) => {
    const log = await makeLog()
    for (const key of ['a', 'b', 'c']) await changed(set(log, key, key, { maxKeys: 3 }))
    assert.equal((await set(log, 'd', 'd', { maxKeys: 3 })).status, 'full')
    await changed(set(log, 'c', 'c again', { maxKeys: 3 }))
    await changed(remove(log, 'a', { maxKeys: 3 }))
    await changed(set(log, 'd', 'd', { maxKeys: 3 }))
    assert.equal((await set(log, 'a', 'a', { maxKeys: 3 })).status, 'full')
    assert.deepEqual(bodiesOf(await valuesOf(log)), ['b', 'c again', 'no a', 'd'])
  },
  'rejects a value over maxBytes, and accepts it after a deletion': async ({ makeLog }) => {
    const log = await makeLog()
    // An engine may count its own form of a body: with encryption it is larger by half.
    const maxBytes = 5000
    const body = 'x'.repeat(2000)
    await changed(set(log, 'a', body, { maxBytes }))
    await changed(set(log, 'a', body, { maxBytes }))
    assert.equal((await set(log, 'b', body.repeat(2), { maxBytes })).status, 'full')
    assert.equal((await set(log, 'a', body.repeat(3), { maxBytes })).status, 'full')
    await changed(remove(log, 'a', { maxBytes }))
    await changed(set(log, 'b', body, { maxBytes }))
  },
  'deletes an expired value, and sends the deletion': async ({ makeLog, ttlMs }) => {
    const log = await makeLog()
    const sink = new LogCollector()
    await log.watch('group', sink)
    await set(log, 'a', 'short', { expiry: { afterMs: ttlMs, body: 'expired a' } })
    await set(log, 'b', 'long', { expiry: { afterMs: 600_000, body: 'expired b' } })
    const since = await changed(set(log, 'c', 'no expiry'))
    const next = (await valuesOf(log)).nextExpiryMs
    assert.ok(next !== undefined && next <= ttlMs, `the next value expires in ${next} ms`)
    await until('the value expires', async () => (await valuesOf(log)).top.offset === 4)
    const read = await valuesOf(log, { since })
    assert.deepEqual([read.status, bodiesOf(read)], ['continues', ['expired a']])
    assert.ok(read.nextExpiryMs! > ttlMs, 'the other value expires later')
    await sink.first(4)
    assert.deepEqual(sink.bodies, ['short', 'long', 'no expiry', 'expired a'])
  },
  'keeps a value whose key was changed before it expired': async ({ makeLog, ttlMs }) => {
    const log = await makeLog()
    const expiry = { afterMs: ttlMs, body: 'expired' }
    for (const key of ['a', 'control']) await set(log, key, 'short', { expiry })
    await set(log, 'a', 'long')
    await until('the other value expires', async () => bodiesOf(await valuesOf(log)).includes('expired'))
    assert.deepEqual(bodiesOf(await valuesOf(log)), ['long', 'expired'])
    assert.equal((await valuesOf(log)).nextExpiryMs, undefined)
  },
  'treats an expired value as none: for ifVersion and for maxKeys': async ({ makeLog, ttlMs }) => {
    const log = await makeLog()
    const expiry = { afterMs: ttlMs, body: 'expired' }
    for (const key of ['a', 'b']) await changed(set(log, key, key, { expiry }))
    await until('a has no value', async () => (await set(log, 'a', 'new a', { ifVersion: null })).status === 'changed')
    await until('b makes room', async () => (await set(log, 'c', 'c', { maxKeys: 2 })).status === 'changed')
    assert.deepEqual(bodiesOf(await valuesOf(log)).toSorted(), ['c', 'expired', 'new a'])
  },
  'loses a position of another epoch, and one after the newest change': async ({ makeLog }) => {
    const log = await makeLog()
    const { epoch } = await changed(set(log, 'a', '1'))
    await set(log, 'b', '2')
    for (const [since, why] of [
      [{ epoch: 'anotherEpoch', offset: 1 }, 'epoch'],
      [{ epoch, offset: 3 }, 'ahead'],
    ] as const) {
      const read = await valuesOf(log, { since })
      assert.deepEqual([read.status, read.why, bodiesOf(read)], ['lost', why, ['1', '2']])
    }
  },
  'drops the oldest deletions, and loses exactly the positions before them: "trimmed"': async ({ makeLog }) => {
    const log = await makeLog()
    const deletions = MAX_DELETIONS + 1
    const { epoch } = await changed(set(log, 'stays', 'stays'))
    for (let start = 0; start < deletions; start += 100) {
      const keys = Array.from({ length: Math.min(100, deletions - start) }, (_, index) => `key ${start + index}`)
      await Promise.all(keys.map((key) => set(log, key, key)))
      await Promise.all(keys.map((key) => remove(log, key)))
    }
    const { entries, floor } = await valuesOf(log)
    assert.ok(
      entries.length - 1 <= MAX_DELETIONS && entries.length - 1 >= MAX_DELETIONS / 2,
      `${entries.length} changes`,
    )
    assert.equal(bodiesOf(await valuesOf(log))[0], 'stays')
    const since = (offset: number): Promise<StateRead> => valuesOf(log, { since: { epoch, offset } })
    assert.equal((await since(floor)).status, 'continues')
    assert.deepEqual((await since(floor)).entries, entries.slice(1))
    const lost = await since(floor - 1)
    assert.deepEqual([lost.status, lost.why, lost.entries], ['lost', 'trimmed', entries])
  },
  'drops all values, and begins a new epoch, after headTtlMs': async ({ makeLog, ttlMs }) => {
    const log = await makeLog()
    const since = await changed(set(log, 'a', '1', { headTtlMs: ttlMs }))
    await until('the values expire', async () => (await valuesOf(log, { headTtlMs: 1 })).entries.length === 0)
    const read = await valuesOf(log, { since })
    assert.deepEqual([read.status, read.why, read.entries], ['lost', 'epoch', []])
    assert.equal((await set(log, 'a', '2', { ifVersion: since })).status, 'conflict')
  },
}

/** Two logs on one engine. */
export const crossingValuesTests: LogContractChapter = {
  'changes, reads and sends values of one group from two processes': async ({ makeLog, makePeer }) => {
    const log = await makeLog()
    const peer = await makePeer(log)
    const sink = new LogCollector()
    await peer.watch('group', sink)
    const version = await changed(set(log, 'a', '1'))
    await changed(set(peer, 'a', '2', { ifVersion: version }))
    assert.equal((await set(log, 'a', '3', { ifVersion: version })).status, 'conflict')
    await sink.first(2)
    assert.deepEqual(sink.bodies, ['1', '2'])
    assert.deepEqual((await valuesOf(log)).entries, (await valuesOf(peer)).entries)
  },
}
