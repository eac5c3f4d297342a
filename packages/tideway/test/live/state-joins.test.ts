import { defineGroup, LiveConsumer, type Authorization, type LiveGroup } from 'tideway/live'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { encodeValue } from '../../src/layer/log/state-body.ts'
import { LiveTest, type Frame } from './live-client.ts'
import { room } from './room.ts'

const prices = defineGroup('prices', { state: z.number() })

class Dashboard extends LiveConsumer<{}, {}> {
  static override groups = { prices, room }

  override authorize({ id }: LiveGroup): Authorization {
    return id === 'fresh' ? { resume: false } : { history: 0 }
  }

  override snapshot({ id }: LiveGroup): unknown {
    return `the snapshot of ${id}`
  }
}
const dashboard = Dashboard.asApplication()

const offsetOf = (frame: Frame): number => Number((frame['at'] as string).split(':')[1])

describe('a live client of a group with values', () => {
  it('gets the values with joined, and then each change', async () => {
    const test = new LiveTest()
    for (const [key, value] of [
      ['EURUSD', 1],
      ['gone', 2],
      ['__proto__', 3],
      ['1', 4],
      ['"quoted" \\ 한국어', 5],
    ] as const) {
      await prices('eur').set(test.layer, key, value)
    }
    await prices('eur').delete(test.layer, 'gone')
    const client = await test.open(dashboard)
    const [joined] = await client.hello({ 'prices.eur': { last: 5 } })
    const at = joined!['at'] as string
    expect(joined).toEqual({ t: 'joined', g: 'prices.eur', at, top: at, recovered: false, values: expect.anything() })
    expect(Object.entries(joined!['values'] as object)).toEqual([
      ['1', 4],
      ['EURUSD', 1],
      ['__proto__', 3],
      ['"quoted" \\ 한국어', 5],
    ])
    expect(at).toMatch(/:6$/)
    await prices('eur').set(test.layer, 'EURUSD', 6)
    await prices('eur').set(test.layer, 'EURUSD', 7, { ttlMs: 600_000 })
    await prices('eur').delete(test.layer, '1')
    const epoch = at.split(':')[0]
    expect(await client.take(3)).toEqual([
      { g: 'prices.eur', at: `${epoch}:7`, k: 'EURUSD', d: 6 },
      { g: 'prices.eur', at: `${epoch}:8`, k: 'EURUSD', ttl: 600_000, d: 7 },
      { g: 'prices.eur', at: `${epoch}:9`, k: '1', x: 1 },
    ])
  })

  it('resumes with the newest change of each key, whatever history is allowed', async () => {
    const test = new LiveTest()
    const { version } = await prices('eur').set(test.layer, 'EURUSD', 1)
    for (let number = 1; number <= 600; number++) await prices('eur').set(test.layer, `key ${number % 3}`, number)
    const client = await test.open(dashboard)
    const [joined] = await client.hello({ 'prices.eur': { since: version } })
    expect(joined).toMatchObject({ recovered: true, at: version, top: version!.replace(/:1$/, ':601') })
    expect(joined).not.toHaveProperty('values')
    const changes = await client.take(3)
    expect(changes.map((frame) => [offsetOf(frame), frame['k'], frame['d']])).toEqual([
      [599, 'key 1', 598],
      [600, 'key 2', 599],
      [601, 'key 0', 600],
    ])
    expect(await client.nothing()).toEqual({ t: 'pong' })
  })

  it.each([
    ['prices.eur', 'another:7', 'epoch'],
    ['prices.fresh', undefined, 'refused'],
  ])('gets the values of %s if they do not continue its position %s', async (g, since, why) => {
    const test = new LiveTest()
    const { version } = await prices(g.slice(7)).set(test.layer, 'EURUSD', 1)
    const client = await test.open(dashboard)
    expect(await client.hello({ [g]: { since: since ?? version } })).toMatchObject([
      { t: 'joined', recovered: false, why, at: version, values: { EURUSD: 1 } },
    ])
  })

  it('gets the values with reset if the log is lost', async () => {
    const test = new LiveTest()
    await prices('eur').set(test.layer, 'EURUSD', 1)
    const client = await test.open(dashboard)
    await client.hello({ 'prices.eur': {} })
    await test.layer.flush()
    const reset = await client.next()
    expect(reset).toMatchObject({ t: 'reset', g: 'prices.eur', why: 'epoch', values: {} })
    expect(reset).not.toHaveProperty('snapshot')
    await prices('eur').set(test.layer, 'USDJPY', 2)
    expect(await client.next()).toMatchObject({ k: 'USDJPY', d: 2 })
  })

  it('gets the position of an entry that is not a change, and values without it', async () => {
    const test = new LiveTest()
    await prices('eur').set(test.layer, 'EURUSD', 1)
    const client = await test.open(dashboard)
    await client.hello({ 'prices.eur': {} })
    const log = test.layer.keptGroups
    await log.publish(prices('eur').name, encodeValue('EURUSD', '{broken'))
    await log.publish(prices('eur').name, '{"k":"EURUSD","d":1,"g":"room.lobby"}')
    await prices('eur').set(test.layer, 'USDJPY', 2)
    expect((await client.take(3)).map(({ at: _at, ...frame }) => frame)).toEqual([
      { g: 'prices.eur', e: '' },
      { g: 'prices.eur', e: '' },
      { g: 'prices.eur', k: 'USDJPY', d: 2 },
    ])
    const other = await test.open(dashboard)
    const [joined] = await other.hello({ 'prices.eur': {} })
    expect(Object.keys(joined!['values'] as object)).toEqual(['USDJPY'])
  })

  it('can join a group with events on the same connection', async () => {
    const test = new LiveTest()
    await prices('eur').set(test.layer, 'EURUSD', 1)
    const client = await test.open(dashboard)
    const frames = await client.hello({ 'prices.eur': {}, 'room.lobby': {} })
    expect(frames.find(({ g }) => g === 'room.lobby')).toMatchObject({ snapshot: 'the snapshot of lobby' })
    expect(frames.find(({ g }) => g === 'prices.eur')).not.toHaveProperty('snapshot')
  })
})
