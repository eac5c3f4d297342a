import assert from 'node:assert/strict'
import { settle, until } from './contract-test.ts'
import { appendNumbered, lasting, LogCollector, numbers, readChecked, type LogContractChapter } from './log-test.ts'

/** Watchers of one process. */
export const watchTests: LogContractChapter = {
  'passes the entries that are appended after it has resolved, in order': async ({ makeLog }) => {
    const log = await makeLog()
    await appendNumbered(log, 1)
    const sink = new LogCollector()
    await log.watch('group', sink)
    for (const body of numbers(2, 50)) void log.append('group', body, lasting)
    const entries = await sink.first(49)
    assert.deepEqual(sink.bodies, numbers(2, 50))
    assert.deepEqual(entries, (await readChecked(log)).entries.slice(1))
  },
  'passes volatile events, which have no offset and are not kept': async ({ makeLog }) => {
    const log = await makeLog()
    const sink = new LogCollector()
    await log.watch('group', sink)
    for (const body of ['typing', '', '~', 'a:1:b']) await log.send('group', body)
    await until('the events arrive', () => sink.volatile.length === 4)
    assert.deepEqual(sink.volatile, ['typing', '', '~', 'a:1:b'])
    assert.deepEqual(sink.entries, [])
    assert.equal((await readChecked(log)).top.offset, 0)
  },
  'passes only the events of its group': async ({ makeLog }) => {
    const log = await makeLog()
    const one = new LogCollector()
    const two = new LogCollector()
    await Promise.all([log.watch('one', one), log.watch('two', two)])
    await log.append('one', 'for one', lasting)
    await log.append('two', 'for two', lasting)
    await log.send('two', 'volatile')
    await two.first(1)
    await one.first(1)
    await until('the volatile event arrives', () => two.volatile.length === 1)
    assert.deepEqual([one.bodies, two.bodies, one.volatile], [['for one'], ['for two'], []])
  },
  'never calls the sink during the call that appends': async ({ makeLog }) => {
    const log = await makeLog()
    const sink = new LogCollector()
    await log.watch('group', sink)
    const appended = log.append('group', 'x', lasting)
    assert.deepEqual(sink.entries, [])
    await appended
    await sink.first(1)
  },
  'passes nothing after unwatch, and passes entries again after another watch': async ({ makeLog }) => {
    const log = await makeLog()
    const ended = new LogCollector()
    const control = new LogCollector()
    await log.watch('group', ended)
    log.unwatch('group')
    log.unwatch('group')
    await log.append('group', 'unwatched', lasting)
    await log.send('group', 'unwatched')
    await log.watch('group', control)
    await log.append('group', 'watched', lasting)
    await control.first(1)
    await settle()
    assert.deepEqual([ended.bodies, ended.volatile], [[], []])
    assert.deepEqual(control.bodies, ['watched'])
  },
  'returns a function of onGap that removes the listener': async ({ makeLog }) => {
    const log = await makeLog()
    let calls = 0
    const remove = log.onGap(() => calls++)
    remove()
    remove()
    await appendNumbered(log, 3)
    assert.equal(calls, 0)
  },
}

/** Two logs on one engine. */
export const crossingWatchTests: LogContractChapter = {
  'passes entries and volatile events of another process': async ({ makeLog, makePeer }) => {
    const log = await makeLog()
    const peer = await makePeer(log)
    const here = new LogCollector()
    const there = new LogCollector()
    await Promise.all([log.watch('group', here), peer.watch('group', there)])
    await peer.append('group', 'from the peer', lasting)
    await log.append('group', 'from the log', lasting)
    await log.send('group', 'volatile')
    for (const sink of [here, there]) {
      await sink.first(2)
      await until('the volatile event arrives', () => sink.volatile.length === 1)
      assert.deepEqual(sink.bodies, ['from the peer', 'from the log'])
    }
    assert.deepEqual(here.entries, there.entries)
  },
  'passes the entries of concurrent processes to all in one order': async ({ makeLog, makePeer }) => {
    const log = await makeLog()
    const peer = await makePeer(log)
    const sinks = [new LogCollector(), new LogCollector()] as const
    await Promise.all([log.watch('group', sinks[0]), peer.watch('group', sinks[1])])
    await Promise.all(
      numbers(1, 100).map((body) => (Number(body) % 2 === 0 ? log : peer).append('group', body, lasting)),
    )
    const [first, second] = [await sinks[0].first(100), await sinks[1].first(100)]
    assert.deepEqual(first, second)
    assert.deepEqual(first, (await readChecked(peer)).entries)
  },
  'reads and deduplicates what another process appended': async ({ makeLog, makePeer }) => {
    const log = await makeLog()
    const peer = await makePeer(log)
    const first = await log.append('group', 'x', { ...lasting, id: 'once' })
    const again = await peer.append('group', 'x', { ...lasting, id: 'once' })
    assert.deepEqual([again.position, again.duplicate], [first.position, true])
    assert.deepEqual((await readChecked(peer)).entries, [{ ...first.position, body: 'x' }])
  },
  'keeps a watch when another process ends its own': async ({ makeLog, makePeer }) => {
    const log = await makeLog()
    const peer = await makePeer(log)
    const sink = new LogCollector()
    await Promise.all([log.watch('group', sink), peer.watch('group', new LogCollector())])
    peer.unwatch('group')
    await peer.append('group', 'x', lasting)
    await sink.first(1)
    assert.deepEqual(sink.bodies, ['x'])
  },
}
