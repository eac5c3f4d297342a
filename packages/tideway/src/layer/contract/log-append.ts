import assert from 'node:assert/strict'
import { containsPosition } from '../log/position.ts'
import { until } from './contract-test.ts'
import { appendNumbered, bodiesOf, lasting, LogCollector, readChecked, type LogContractChapter } from './log-test.ts'

const MAX_BODY_BYTES = 65_536

/** Bodies that a careless encoding changes. */
const bodies: readonly string[] = [
  '',
  '~',
  ':',
  'a:1:b',
  'zeros \u0000 and line ends \r\n',
  'é 한국어 😀 \u2028',
  JSON.stringify({ text: '"quoted"', list: [1, null] }),
  'x'.repeat(MAX_BODY_BYTES),
  '😀'.repeat(MAX_BODY_BYTES / 4),
]

/** Append: offsets, order, ids, sizes and times. */
export const appendTests: LogContractChapter = {
  'returns the offsets 1, 2, 3 … of one epoch': async ({ makeLog }) => {
    const log = await makeLog()
    const positions = await appendNumbered(log, 20)
    assert.deepEqual(
      positions.map(({ offset }) => offset),
      Array.from({ length: 20 }, (_, index) => index + 1),
    )
    assert.equal(new Set(positions.map(({ epoch }) => epoch)).size, 1)
    assert.match(positions[0]!.epoch, /^[a-zA-Z0-9_-]{8,32}$/)
  },
  'gives concurrent events all offsets once, and sends them in this order': async ({ makeLog }) => {
    const log = await makeLog()
    const sink = new LogCollector()
    await log.watch('group', sink)
    const sent = Array.from({ length: 100 }, (_, index) => String(index))
    const appended = await Promise.all(sent.map((body) => log.append('group', body, lasting)))
    const byOffset = appended.map(({ position }, index) => ({ ...position, body: sent[index]! }))
    byOffset.sort((a, b) => a.offset - b.offset)
    assert.deepEqual(
      byOffset.map(({ offset }) => offset),
      sent.map((_, index) => index + 1),
    )
    assert.deepEqual(await sink.first(100), byOffset)
    assert.deepEqual((await readChecked(log)).entries, byOffset)
  },
  'keeps the logs of groups apart': async ({ makeLog }) => {
    const log = await makeLog()
    await appendNumbered(log, 3)
    const { position } = await log.append('group2', 'other', lasting)
    assert.equal(position.offset, 1)
    assert.equal((await readChecked(log)).top.offset, 3)
  },
  'appends an event with an id once, and returns its position again': async ({ makeLog }) => {
    const log = await makeLog()
    const sink = new LogCollector()
    await log.watch('group', sink)
    const first = await log.append('group', 'first', { ...lasting, id: 'order 1' })
    assert.equal(first.duplicate, false)
    await log.append('group', 'second', lasting)
    const again = await log.append('group', 'first', { ...lasting, id: 'order 1' })
    assert.deepEqual(again.position, first.position)
    assert.equal(again.duplicate, true)
    const other = await log.append('group', 'third', { ...lasting, id: 'order 2' })
    assert.deepEqual([other.duplicate, other.position.offset], [false, 3])
    await sink.first(3)
    assert.deepEqual(sink.bodies, ['first', 'second', 'third'])
  },
  'appends concurrent events with one id once': async ({ makeLog }) => {
    const log = await makeLog()
    const all = await Promise.all(
      Array.from({ length: 20 }, () => log.append('group', 'x', { ...lasting, id: 'once' })),
    )
    assert.equal(all.filter(({ duplicate }) => !duplicate).length, 1)
    for (const { position } of all) assert.deepEqual(position, all[0]!.position)
    assert.deepEqual(bodiesOf(await readChecked(log)), ['x'])
  },
  'keeps the ids of groups apart': async ({ makeLog }) => {
    const log = await makeLog()
    for (const group of ['one', 'two']) {
      assert.equal((await log.append(group, 'x', { ...lasting, id: 'same' })).duplicate, false)
    }
  },
  'appends an event with an id again after idTtlMs': async ({ makeLog, ttlMs }) => {
    const log = await makeLog()
    const options = { ...lasting, id: 'order', idTtlMs: ttlMs }
    await log.append('group', 'x', options)
    await until('the id expires', async () => !(await log.append('group', 'x', options)).duplicate)
    assert.equal((await readChecked(log)).top.offset, 2)
  },
  'keeps and sends every text up to 64 KiB as it is': async ({ makeLog }) => {
    const log = await makeLog()
    const sink = new LogCollector()
    await log.watch('group', sink)
    for (const body of bodies) await log.append('group', body, lasting)
    await sink.first(bodies.length)
    assert.ok(
      bodies.every((body, index) => body === sink.bodies[index]),
      'the watcher gets the bodies unchanged',
    )
    const read = bodiesOf(await readChecked(log))
    assert.ok(
      bodies.every((body, index) => body === read[index]),
      'a read returns the bodies unchanged',
    )
  },
  'keeps at least `size` entries, and at most twice as many and 100': async ({ makeLog }) => {
    const log = await makeLog()
    for (let appended = 1; appended <= 250; appended++) {
      await log.append('group', 'x', { ...lasting, size: 20 })
      const { entries } = await readChecked(log)
      const isWithin = entries.length >= Math.min(appended, 20) && entries.length <= 140
      assert.ok(isWithin, `${entries.length} entries after ${appended} appends`)
    }
  },
  'begins a new epoch with offset 1, without the old entries, after headTtlMs': async ({ makeLog, ttlMs }) => {
    const log = await makeLog()
    const [old] = await appendNumbered(log, 1, { ...lasting, headTtlMs: ttlMs })
    const isNew = async (): Promise<boolean> => {
      const { epochs, top } = await readChecked(log, { headTtlMs: 1 })
      return containsPosition({ epochs, top: top.offset, first: 1 }, old!) !== true
    }
    await until('the head expires', isNew)
    const [position] = await appendNumbered(log, 1)
    assert.equal(position!.offset, 1)
    assert.notEqual(position!.epoch, old!.epoch)
    const { status, why, entries } = await readChecked(log, { since: old! })
    assert.deepEqual([status, why, entries], ['lost', 'epoch', [{ ...position, body: '1' }]])
  },
}
