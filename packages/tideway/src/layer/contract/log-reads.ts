import assert from 'node:assert/strict'
import { until } from './contract-test.ts'
import { appendNumbered, bodiesOf, lasting, numbers, readChecked, type LogContractChapter } from './log-test.ts'

/** Reads: which positions a log continues, and what it returns. */
export const readTests: LogContractChapter = {
  'gives a group without events a position, and continues it': async ({ makeLog }) => {
    const log = await makeLog()
    const empty = await readChecked(log)
    assert.deepEqual([empty.status, empty.entries, empty.top.offset], ['fresh', [], 0])
    assert.deepEqual((await readChecked(log)).top, empty.top)
    await appendNumbered(log, 2)
    const read = await readChecked(log, { since: empty.top })
    assert.deepEqual([read.status, bodiesOf(read)], ['continues', ['1', '2']])
  },
  'returns the newest `last` entries without a position': async ({ makeLog }) => {
    const log = await makeLog()
    await appendNumbered(log, 120, { ...lasting, size: 200 })
    for (const last of [0, 1, 49, 50, 51, 100, 101, 120, 200]) {
      const read = await readChecked(log, { last })
      assert.equal(read.status, 'fresh')
      assert.deepEqual(bodiesOf(read), numbers(Math.max(1, 121 - last), 120), `last: ${last}`)
      assert.equal(read.top.offset, 120)
    }
  },
  'returns all entries after each position of the log': async ({ makeLog }) => {
    const log = await makeLog()
    const empty = await readChecked(log)
    const positions = [empty.top, ...(await appendNumbered(log, 120, { ...lasting, size: 200 }))]
    for (const offset of [0, 1, 19, 20, 68, 69, 70, 118, 119, 120]) {
      const read = await readChecked(log, { since: positions[offset]!, last: 3 })
      assert.equal(read.status, 'continues')
      assert.deepEqual(bodiesOf(read), numbers(offset + 1, 120), `since ${offset}`)
    }
  },
  'loses a position of another epoch: "epoch"': async ({ makeLog }) => {
    const log = await makeLog()
    await appendNumbered(log, 5)
    for (const offset of [0, 3, 5, 6]) {
      const read = await readChecked(log, { since: { epoch: 'anotherEpoch', offset }, last: 2 })
      assert.deepEqual([read.status, read.why, bodiesOf(read)], ['lost', 'epoch', ['4', '5']])
    }
  },
  'loses every position of a log that another group has': async ({ makeLog }) => {
    const log = await makeLog()
    const [position] = await appendNumbered(log, 1)
    await log.append('other', 'x', lasting)
    const options = { since: position!, last: 0, maxEntries: 10, maxBytes: 1000, headTtlMs: 600_000 }
    assert.equal((await log.read('other', options)).why, 'epoch')
  },
  'loses a position after the newest entry: "ahead"': async ({ makeLog }) => {
    const log = await makeLog()
    const { epoch } = (await appendNumbered(log, 5)).at(-1)!
    for (const offset of [6, 7, 1000, Number.MAX_SAFE_INTEGER]) {
      const read = await readChecked(log, { since: { epoch, offset }, last: 2 })
      assert.deepEqual([read.status, read.why, bodiesOf(read)], ['lost', 'ahead', ['4', '5']])
    }
  },
  'continues a position whose next entry is the oldest, and loses those before it: "trimmed"': async ({ makeLog }) => {
    const log = await makeLog()
    const positions = await appendNumbered(log, 260, { ...lasting, size: 10 })
    const first = (await readChecked(log)).entries[0]!.offset
    assert.ok(first > 3, 'the log has dropped entries')
    const since = (offset: number): Promise<unknown> =>
      readChecked(log, { since: positions[offset - 1]!, last: 2 }).then(({ status, why, entries }) => [
        status,
        why,
        entries.length,
      ])
    assert.deepEqual(await since(first), ['continues', undefined, 260 - first])
    assert.deepEqual(await since(first - 1), ['continues', undefined, 261 - first])
    assert.deepEqual(await since(first - 2), ['lost', 'trimmed', 2])
    assert.deepEqual(await since(first - 3), ['lost', 'trimmed', 2])
  },
  'loses a position with more than maxEntries after it: "behind"': async ({ makeLog }) => {
    const log = await makeLog()
    const positions = await appendNumbered(log, 80)
    for (const missed of [1, 3, 50, 60]) {
      const since = positions[80 - missed - 1]!
      const enough = await readChecked(log, { since, maxEntries: missed })
      assert.deepEqual([enough.status, enough.entries.length], ['continues', missed])
      const few = await readChecked(log, { since, maxEntries: missed - 1, last: 2 })
      assert.deepEqual([few.status, few.why, bodiesOf(few)], ['lost', 'behind', ['79', '80']])
    }
  },
  'loses a position with more than maxBytes after it: "behind"': async ({ makeLog }) => {
    const log = await makeLog()
    const body = 'x'.repeat(1000)
    const positions = []
    for (let number = 0; number < 60; number++) positions.push((await log.append('group', body, lasting)).position)
    // An engine may count its own form of an entry, which may be larger: with encryption, by half.
    const enough = await readChecked(log, { since: positions[1]!, maxBytes: 120_000 })
    assert.deepEqual([enough.status, enough.entries.length], ['continues', 58])
    const few = await readChecked(log, { since: positions[1]!, maxBytes: 57_000 })
    assert.deepEqual([few.status, few.why], ['lost', 'behind'])
    assert.ok(few.entries.length >= 30 && few.entries.length <= 57, `${few.entries.length} entries`)
  },
  'returns one entry over maxBytes': async ({ makeLog }) => {
    const log = await makeLog()
    const { position } = await log.append('group', 'first', lasting)
    await log.append('group', 'x'.repeat(1000), lasting)
    for (const options of [{ since: position }, { last: 10 }]) {
      const { status, entries } = await readChecked(log, { ...options, maxBytes: 100 })
      assert.notEqual(status, 'lost')
      assert.equal(entries.length, 1)
    }
  },
  'continues the newest position, and no other, after its entries expired': async ({ makeLog, ttlMs }) => {
    const log = await makeLog()
    const positions = await appendNumbered(log, 3, { ...lasting, ttlMs })
    await until('the entries expire', async () => (await readChecked(log)).entries.length === 0)
    const newest = await readChecked(log, { since: positions[2]! })
    assert.deepEqual([newest.status, newest.entries, newest.top], ['continues', [], positions[2]])
    const older = await readChecked(log, { since: positions[1]! })
    assert.deepEqual([older.status, older.why, older.entries], ['lost', 'trimmed', []])
    const { position } = await log.append('group', '4', lasting)
    assert.deepEqual(position, { epoch: positions[2]!.epoch, offset: 4 })
    assert.deepEqual(bodiesOf(await readChecked(log, { since: positions[2]! })), ['4'])
    assert.equal((await readChecked(log, { since: positions[1]! })).why, 'trimmed')
  },
  'keeps a head for the longest time of all its appends and reads': async ({ makeLog, ttlMs }) => {
    const log = await makeLog()
    await readChecked(log)
    const [position] = await appendNumbered(log, 1, { ...lasting, headTtlMs: ttlMs, ttlMs })
    await until('the entries expire', async () => (await readChecked(log, { headTtlMs: 1 })).entries.length === 0)
    assert.equal((await readChecked(log, { since: position! })).status, 'continues')
  },
}
