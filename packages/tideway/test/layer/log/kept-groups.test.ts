import { describe, expect, it, onTestFinished } from 'vitest'
import type { Clock } from '../../../src/layer/log/clock.ts'
import type { EventLog, LogSink, ReadOptions, ReadResult } from '../../../src/layer/log/event-log.ts'
import { KeptGroups } from '../../../src/layer/log/kept-groups.ts'
import { withoutTrace } from '../../../src/layer/log/event-tracing.ts'
import { MemoryEventLog } from '../../../src/layer/log/memory-event-log.ts'
import { parsePosition, type Position } from '../../../src/layer/log/position.ts'
import { Random } from '../../server/fuzz/random.ts'
import { following, keptGroupsOf, RecordingFollower } from './following.ts'

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

async function publish(groups: KeptGroups, from: number, to: number, size = 100): Promise<void> {
  for (let i = from; i <= to; i++) await groups.publish('g', `${i}`, { size })
  await turn()
}

const numbers = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, i) => `${from + i}`)

/** A log in memory that a test can break: it drops deliveries, counts its reads, and refuses them. */
class BreakableLog extends MemoryEventLog implements EventLog {
  reads = 0
  mostAtOnce = 0
  isDeaf = false
  isDown = false
  isSlow = false
  #atOnce = 0

  override async read(group: string, options: ReadOptions): Promise<ReadResult> {
    this.reads++
    this.mostAtOnce = Math.max(this.mostAtOnce, ++this.#atOnce)
    if (this.isSlow) await turn()
    this.#atOnce--
    if (this.isDown) throw new Error('down')
    return super.read(group, options)
  }

  override watch(group: string, sink: LogSink): Promise<void> {
    return super.watch(group, {
      onEntry: (entry) => this.isDeaf || sink.onEntry(entry),
      onVolatile: (body) => this.isDeaf || sink.onVolatile(body),
    })
  }
}

describe('a follower of a kept group', () => {
  it('gets every event once and in order, from its position or from the newest entries', async () => {
    const groups = keptGroupsOf(new MemoryEventLog())
    const first = await following(groups, 'g')
    await publish(groups, 1, 5)
    const position = parsePosition(first.at())
    await publish(groups, 6, 8)
    const resumed = await following(groups, 'g', { since: position })
    const fresh = await following(groups, 'g', { last: 2 })
    await publish(groups, 9, 9)
    expect(first.follower.got).toEqual(numbers(1, 9))
    expect([resumed.answer, resumed.follower.got]).toEqual(['recovered', numbers(6, 9)])
    expect([fresh.answer, fresh.follower.got]).toEqual(['fresh at 6', numbers(7, 9)])
  })

  it('that is busy falls behind, and continues from the ring and then from the log', async () => {
    const groups = keptGroupsOf(new MemoryEventLog(), { ringEntries: 4 })
    const { follower } = await following(groups, 'g')
    follower.pause()
    await publish(groups, 1, 50)
    expect(follower.got).toEqual(['1'])
    expect(groups.stats()).toMatchObject({ lagging: 1, worstLag: 49 })
    follower.resume()
    await turn()
    await publish(groups, 51, 51)
    expect(follower.got).toEqual(numbers(1, 51))
    expect(groups.stats()).toMatchObject({
      lagging: 0,
      reads: 1,
      delivered: 51,
      replayed: { log: 49, ring: 0 },
      publishTimes: { count: 51 },
      readTimes: { count: 2 },
      catchUpTimes: { count: 1 },
    })
  })

  it('that is outrun by its log is reset, and gets as many of the newest entries as it asked for', async () => {
    const groups = keptGroupsOf(new MemoryEventLog(), { ringEntries: 4 })
    const { follower } = await following(groups, 'g', { last: 2 })
    follower.pause()
    await publish(groups, 1, 300, 10)
    follower.resume()
    await turn()
    expect(follower.got).toEqual(['1', 'reset trimmed at 298', '299', '300'])
    expect(groups.stats().resets.trimmed).toBe(1)
  })

  it('is reset if it has missed more than a read returns', async () => {
    const groups = keptGroupsOf(new MemoryEventLog(), { ringEntries: 4, replayEntries: 20 })
    await publish(groups, 1, 1)
    const { top } = await groups.history('g')
    await publish(groups, 2, 21)
    expect((await following(groups, 'g', { since: top })).answer).toBe('recovered')
    await publish(groups, 22, 22)
    expect((await following(groups, 'g', { since: top, last: 1 })).answer).toBe('behind at 21')
  })

  it('gets no event after close()', async () => {
    const groups = keptGroupsOf(new MemoryEventLog())
    const { follower, close } = await following(groups, 'g')
    follower.pause()
    await publish(groups, 1, 2)
    close()
    follower.resume()
    await publish(groups, 3, 3)
    expect(follower.got).toEqual(['1'])
    expect(groups.stats().followers).toBe(0)
  })

  it('gets volatile events while it is not busy', async () => {
    const groups = keptGroupsOf(new MemoryEventLog())
    const { follower, at } = await following(groups, 'g')
    await groups.publishVolatile('g', 'a')
    await turn()
    follower.pause()
    await publish(groups, 1, 1)
    await groups.publishVolatile('g', 'b')
    await turn()
    expect(follower.got).toEqual(['volatile a', '1'])
    expect(at()).toMatch(/:1$/)
    expect(groups.stats().volatileDropped).toBe(1)
  })

  it.each([
    [
      'throws',
      () => {
        throw new Error('of the follower')
      },
    ],
    ['rejects', () => Promise.reject(new Error('of the follower'))],
  ])('that %s is closed and reported, and the others get every event', async (_how, fail) => {
    const failed: string[] = []
    const listener = {
      readFailed() {},
      followerFailed: (group: string, error: unknown) => failed.push(`${group}: ${String(error)}`),
    }
    const groups = new KeptGroups(new MemoryEventLog(), {}, listener)
    onTestFinished(() => groups.close())
    const { cursor } = await groups.follow('g', { onEntry: fail, onReset() {}, onVolatile() {} })
    cursor.start()
    const { follower } = await following(groups, 'g')
    await publish(groups, 1, 3)
    expect(follower.got).toEqual(numbers(1, 3))
    expect(failed).toEqual(['g: Error: of the follower'])
    expect(groups.stats().followers).toBe(1)
  })

  it('may drop a volatile event, which is counted', async () => {
    const groups = keptGroupsOf(new MemoryEventLog())
    const { cursor } = await groups.follow('g', { onEntry() {}, onReset() {}, onVolatile: (body) => body !== 'a' })
    cursor.start()
    await groups.publishVolatile('g', 'a')
    await groups.publishVolatile('g', 'b')
    await turn()
    expect(groups.stats()).toMatchObject({ delivered: 1, volatileDropped: 1 })
  })

  it('gets every event once if the tracing throws, or does not call back, or calls back twice', async () => {
    const deliveries: string[] = []
    const log = new MemoryEventLog()
    const groups = keptGroupsOf(log, {
      tracing: {
        publish: (_group, run) => run('00-ab-cd-01'),
        deliver({ trace, followers }, run) {
          deliveries.push(`${trace} to ${followers}`)
          if (deliveries.length === 1) throw new Error('meant')
          if (deliveries.length === 3) run()
          if (deliveries.length === 3) run()
        },
      },
    })
    const { follower } = await following(groups, 'g')
    for (const body of ['{"e":"a"}', '{"e":"b"}', '{"e":"c"}']) await groups.publish('g', body)
    await turn()
    expect(follower.got.map(withoutTrace)).toEqual(['{"e":"a"}', '{"e":"b"}', '{"e":"c"}'])
    expect(deliveries).toEqual(Array.from({ length: 3 }, () => '00-ab-cd-01 to 1'))
  })

  it('gets no trace that would not be a JSON string, and none in a body that is not an object', async () => {
    let trace = '","e":"forged'
    const groups = keptGroupsOf(new MemoryEventLog(), { tracing: { publish: (_group, run) => run(trace) } })
    const { follower } = await following(groups, 'g')
    await groups.publish('g', '{"e":"a"}')
    trace = 't'
    for (const body of ['{"e":"b"}', '{}', '1']) await groups.publish('g', body)
    await turn()
    expect(follower.got).toEqual(['{"e":"a"}', '{"trace":"t","e":"b"}', '{}', '1'])
  })

  it('is reset by a flush of the log', async () => {
    const log = new MemoryEventLog()
    const groups = keptGroupsOf(log)
    const { follower } = await following(groups, 'g')
    await publish(groups, 1, 3)
    log.flush()
    await expect.poll(() => follower.got.at(-1)).toBe('reset epoch at 0')
    expect(groups.stats().epochs).toBe(1)
    await publish(groups, 4, 5)
    expect(follower.got.slice(-2)).toEqual(['4', '5'])
  })
})

describe('the tail of a kept group', () => {
  it.each([
    [1, 5000, 2],
    [500, 5000, 500],
  ])('of each of %d groups is read once for %d followers that return at once', async (count, followers, reads) => {
    const log = new BreakableLog()
    const groups = keptGroupsOf(log)
    const names = Array.from({ length: count }, (_, index) => `g${index}`)
    const tops = await Promise.all(names.map(async (name) => (await groups.publish(name, '1')).position))
    for (const name of names) for (let i = 2; i <= 11; i++) await groups.publish(name, `${i}`)
    const all = await Promise.all(
      Array.from({ length: followers }, (_, index) =>
        following(groups, names[index % count]!, { since: tops[index % count]! }),
      ),
    )
    expect(new Set(all.map(({ answer }) => answer))).toEqual(new Set(['recovered']))
    expect(all.every(({ follower }) => follower.got.length === 10)).toBe(true)
    expect(log.reads).toBeLessThanOrEqual(reads)
  })

  it('is read after a gap at a random time within 100 ms, at most readsAtOnce groups at the same time', async () => {
    const [random, waits] = [new Random(1), [] as number[]]
    const clock: Clock = {
      now: () => 0,
      random: () => random.next(),
      after: (ms, callback) => {
        if (ms > 100) return () => {}
        waits.push(ms)
        const timer = setImmediate(callback)
        return () => clearImmediate(timer)
      },
    }
    const log = new BreakableLog()
    const groups = keptGroupsOf(log, { readsAtOnce: 3 }, clock)
    for (let i = 0; i < 100; i++) await following(groups, `g${i}`)
    log.isSlow = true
    log.flush()
    await expect.poll(() => groups.stats().resets.epoch).toBe(100)
    expect(waits).toHaveLength(100)
    const quarters = new Set(waits.map((ms) => Math.floor(ms / 25)))
    expect([quarters.size, log.mostAtOnce]).toEqual([4, 3])
  })

  it('reads missed entries once for all followers, before it delivers newer ones', async () => {
    const log = new BreakableLog()
    const groups = keptGroupsOf(log)
    const all = [await following(groups, 'g'), await following(groups, 'g')]
    await publish(groups, 1, 1)
    log.isDeaf = true
    await publish(groups, 2, 3)
    log.isDeaf = false
    log.reads = 0
    await publish(groups, 4, 5)
    await expect.poll(() => all[1]!.follower.got.length).toBe(5)
    for (const { follower } of all) expect(follower.got).toEqual(numbers(1, 5))
    expect(log.reads).toBe(1)
    expect(groups.stats()).toMatchObject({ repairs: 1, sweepFindings: 0 })
  })

  it('reads again until the log can be read', async () => {
    const log = new BreakableLog()
    const groups = keptGroupsOf(log)
    const { follower } = await following(groups, 'g')
    log.isDeaf = true
    await publish(groups, 1, 2)
    log.isDeaf = false
    log.isDown = true
    await publish(groups, 3, 3)
    expect(follower.got).toEqual([])
    log.isDown = false
    await expect.poll(() => follower.got).toEqual(numbers(1, 3))
  })

  it('reports a log that cannot be read once per minute, however often it is read', async () => {
    let now = 0
    const clock: Clock = {
      now: () => now,
      random: () => 0,
      after: (_ms, callback) => {
        const timer = setImmediate(callback)
        return () => clearImmediate(timer)
      },
    }
    const log = new BreakableLog()
    const reports: string[] = []
    const readFailed = (group: string, error: unknown): void => void reports.push(`${group}: ${String(error)}`)
    const groups = new KeptGroups(log, {}, { readFailed }, clock)
    onTestFinished(() => groups.close())
    await following(groups, 'g')
    log.isDown = true
    await groups.publish('g', '1')
    log.flush()
    await expect.poll(() => log.reads).toBeGreaterThan(20)
    expect(reports).toEqual(['g: Error: down'])
    now = 60_000
    await expect.poll(() => reports).toHaveLength(2)
  })

  it('rejects a follower while the log cannot be read, and serves the next one', async () => {
    const log = new BreakableLog()
    const groups = keptGroupsOf(log)
    log.isDown = true
    await expect(groups.follow('g', new RecordingFollower())).rejects.toThrow('down')
    log.isDown = false
    const { follower } = await following(groups, 'g')
    await publish(groups, 1, 1)
    expect(follower.got).toEqual(['1'])
  })

  it('finds by its sweep what it has missed without any other sign', async () => {
    const log = new BreakableLog()
    const groups = keptGroupsOf(log, { sweepIntervalMs: 20 })
    const { follower } = await following(groups, 'g')
    log.isDeaf = true
    await publish(groups, 1, 2)
    await expect.poll(() => follower.got, { timeout: 10_000 }).toEqual(['1', '2'])
    expect(groups.stats().sweepFindings).toBe(1)
  })

  it('stays for a while after its last follower, and then ends', async () => {
    const log = new BreakableLog()
    const groups = keptGroupsOf(log, { lingerMs: 30 })
    const { close, at } = await following(groups, 'g')
    close()
    const reads = log.reads
    const again = await following(groups, 'g', { since: parsePosition(at()) })
    expect(log.reads).toBe(reads)
    again.close()
    await expect.poll(() => groups.stats().groups).toBe(0)
  })
})

describe('kept groups', () => {
  it('append an event with the same id once', async () => {
    const groups = keptGroupsOf(new MemoryEventLog())
    const first = await groups.publish('g', '1', {}, { id: 'a' })
    const second = await groups.publish('g', '1', {}, { id: 'a' })
    expect(second).toEqual({ position: first.position, duplicate: true })
    expect(groups.stats()).toMatchObject({ published: 1, duplicates: 1 })
  })

  it('hold at most totalRingBytes of entries', async () => {
    const groups = keptGroupsOf(new MemoryEventLog(), { totalRingBytes: 1000 })
    for (const group of ['a', 'b', 'c']) {
      await following(groups, group)
      for (let i = 0; i < 9; i++) await groups.publish(group, 'x'.repeat(100))
    }
    await turn()
    expect(groups.stats().ringBytes).toBe(1000)
  })

  it('drop the entries of groups without recent events first, over totalRingBytes', async () => {
    const log = new BreakableLog()
    const groups = keptGroupsOf(log, { totalRingBytes: 10_000, ringEntries: 20 })
    await following(groups, 'busy')
    const append = async (group: string): Promise<Position> => {
      const { position } = await groups.publish(group, 'x'.repeat(100))
      return position
    }
    const busy: Position[] = []
    const others: Position[] = []
    for (let i = 0; i < 5000; i++) {
      await following(groups, `g${i}`)
      others.push(await append(`g${i}`))
      if (i % 50 !== 0) continue
      busy.push(await append('busy'))
      await turn()
    }
    await turn()
    log.reads = 0
    expect(groups.stats().ringBytes).toBe(10_000)
    const before = ({ epoch, offset }: Position): Position => ({ epoch, offset: offset - 1 })
    await following(groups, 'busy', { since: busy.at(-15)! })
    await following(groups, 'g4999', { since: before(others[4999]!) })
    expect(log.reads).toBe(0)
    expect((await following(groups, 'g0', { since: before(others[0]!) })).answer).toBe('recovered')
    expect(log.reads).toBe(1)
  })

  it.each([
    [
      'an event over maxEventBytes',
      (groups: KeptGroups) => groups.publish('g', 'x'.repeat(65_537)),
      'ERR_MESSAGE_TOO_LARGE',
    ],
    ['a bad name', (groups: KeptGroups) => groups.publish('g h', '1'), 'ERR_BAD_NAME'],
    ['an empty id', (groups: KeptGroups) => groups.publish('g', '1', {}, { id: '' }), 'ERR_BAD_OPTION'],
    ['a long id', (groups: KeptGroups) => groups.publish('g', '1', {}, { id: 'x'.repeat(65) }), 'ERR_BAD_OPTION'],
    ['a size of 0', (groups: KeptGroups) => groups.publish('g', '1', { size: 0 }), 'ERR_BAD_OPTION'],
    ['a size over 10,000', (groups: KeptGroups) => groups.publish('g', '1', { size: 10_001 }), 'ERR_BAD_OPTION'],
    [
      'a position without an epoch',
      (groups: KeptGroups) => groups.follow('g', new RecordingFollower(), { since: { epoch: '', offset: 1 } }),
      'ERR_BAD_POSITION',
    ],
  ])('reject %s', async (_what, call, code) => {
    await expect(call(keptGroupsOf(new MemoryEventLog()))).rejects.toMatchObject({ code })
  })

  it('take an event of maxEventBytes', async () => {
    const groups = keptGroupsOf(new MemoryEventLog())
    await expect(groups.publish('g', 'x'.repeat(65_536), {}, { id: 'x'.repeat(64) })).resolves.toMatchObject({
      duplicate: false,
    })
  })

  it('reject calls after close()', async () => {
    const groups = keptGroupsOf(new MemoryEventLog())
    await groups.close()
    await expect(groups.publish('g', '1')).rejects.toMatchObject({ code: 'ERR_LAYER_CLOSED' })
  })
})
