import { describe, expect, it, onTestFinished } from 'vitest'
import { MAX_DELETIONS, MemoryEventLog } from 'tideway/layer/kit'
import { keepDefaults } from '../../../src/layer/log/kept-groups-options.ts'
import type { Cursor, Follower, Reset } from '../../../src/layer/log/cursor.ts'
import type { LogEntry } from '../../../src/layer/log/event-log.ts'
import type { Followed } from '../../../src/layer/log/follow.ts'
import type { KeptGroups } from '../../../src/layer/log/kept-groups.ts'
import { formatPosition, type Position } from '../../../src/layer/log/position.ts'
import { changeOf, encodeDeletion, encodeValue, keyOf } from '../../../src/layer/log/state-body.ts'
import { patiently } from '../../../../../test/setup/patiently.ts'
import { keptGroupsOf } from './following.ts'

/** Applies what it gets to a map, and keeps it as short texts. */
class StateFollower implements Follower {
  readonly got: string[] = []
  readonly offsets: number[] = []
  readonly values: Record<string, unknown> = {}
  #busy: Promise<void> | undefined
  #release: (() => void) | undefined

  onEntry(entry: LogEntry): void | Promise<void> {
    this.offsets.push(entry.offset)
    this.got.push(this.#apply(entry))
    return this.#busy
  }

  onVolatile(): void {}

  onReset({ why, position, values }: Reset): void | Promise<void> {
    this.replace(values!)
    this.got.push(`reset ${why} at ${position.offset}`)
    return this.#busy
  }

  replace(values: readonly LogEntry[]): void {
    for (const key of Object.keys(this.values)) delete this.values[key]
    for (const entry of values) this.#apply(entry)
  }

  /** Makes the follower busy from its next call on. */
  pause(): void {
    this.#busy = new Promise((resolve) => (this.#release = resolve))
  }

  resume(): void {
    this.#busy = undefined
    this.#release?.()
  }

  #apply({ body }: LogEntry): string {
    const change = changeOf(body)!
    const key = keyOf(change)
    if (change.valueJson === undefined) {
      delete this.values[key]
      return `no ${key}`
    }
    this.values[key] = JSON.parse(change.valueJson)
    return `${key} ${change.valueJson}`
  }
}

async function follow(
  groups: KeptGroups,
  since?: Position,
): Promise<{ follower: StateFollower; followed: Followed; cursor: Cursor }> {
  const follower = new StateFollower()
  const followed = await groups.follow('prices', follower, { isState: true, ...(since !== undefined && { since }) })
  if (followed.values !== undefined) follower.replace(followed.values)
  followed.cursor.start()
  return { follower, followed, cursor: followed.cursor }
}

function logAndGroups(): { log: MemoryEventLog; groups: KeptGroups } {
  const log = new MemoryEventLog()
  onTestFinished(() => log.close())
  return { log, groups: keptGroupsOf(log) }
}

describe('the body of a change', () => {
  it.each(['a', '', '"', '\\', '\\"d":1', 'é 😀', '__proto__', '","x":1}'])('keeps the key %j', (key) => {
    for (const value of ['1', '"x\\":1}"', '{"ttl":5}', 'null', '[{"k":"b","d":1}]']) {
      const change = changeOf(encodeValue(key, value))!
      expect([keyOf(change), change.valueJson, change.ttlMs]).toEqual([key, value, undefined])
      expect(changeOf(encodeValue(key, value, 5000))).toMatchObject({ valueJson: value, ttlMs: 5000 })
      expect(JSON.parse(encodeValue(key, value, 5000))).toEqual({ k: key, d: JSON.parse(value), ttl: 5000 })
    }
    expect(changeOf(encodeDeletion(key))).toMatchObject({ valueJson: undefined, keyJson: JSON.stringify(key) })
  })

  it.each(['', '{}', '{"e":"said","d":1}', '{"k":1,"d":1}', '{"k":"a"}', '[]', '{"k":"a","x":1,"d":2}'])(
    'does not read %j',
    (body) => {
      expect(changeOf(body)).toBeUndefined()
    },
  )
})

describe('a follower of a group with values', () => {
  it('begins with the values, and gets each change', async () => {
    const { groups } = logAndGroups()
    await groups.set('prices', 'EURUSD', '1')
    await groups.set('prices', 'USDJPY', '2')
    await groups.set('prices', 'gone', '3')
    await groups.set('prices', 'gone', undefined)
    const { follower, followed } = await follow(groups)
    expect(follower.values).toEqual({ EURUSD: 1, USDJPY: 2 })
    expect([followed.recovered, followed.why, followed.position.offset]).toEqual([false, undefined, 4])
    await groups.set('prices', 'EURUSD', '4')
    await groups.set('prices', 'USDJPY', undefined)
    await patiently(() => expect(follower.got).toEqual(['EURUSD 4', 'no USDJPY']))
    expect(follower.values).toEqual({ EURUSD: 4 })
  })

  it('gets 3 changes with ascending offsets after 1000 changes of 3 keys while it is busy', async () => {
    const { groups } = logAndGroups()
    const { follower, cursor } = await follow(groups)
    follower.pause()
    await groups.set('prices', 'first', '0')
    await patiently(() => expect(follower.got).toHaveLength(1))
    for (let number = 1; number <= 1000; number++) await groups.set('prices', `key ${number % 3}`, String(number))
    await groups.set('prices', 'first', undefined)
    const { follower: other } = await follow(groups)
    await patiently(() => expect(groups.stats().worstLag).toBe(1001))
    follower.resume()
    await patiently(() => expect(follower.got.slice(1)).toEqual(['key 2 998', 'key 0 999', 'key 1 1000', 'no first']))
    expect(follower.offsets).toEqual([1, 999, 1000, 1001, 1002])
    expect(follower.values).toEqual(other.values)
    expect(cursor.offset).toBe(1002)
  })

  it('resumes after any number of changes with the newest ones, without a read', async () => {
    const { groups } = logAndGroups()
    for (const key of ['a', 'b', 'c']) await groups.set('prices', key, '0')
    const { follower, cursor } = await follow(groups)
    const since = { epoch: cursor.epoch, offset: cursor.offset }
    cursor.close()
    for (let number = 1; number <= 3000; number++) await groups.set('prices', number % 2 === 0 ? 'a' : 'd', `${number}`)
    await groups.set('prices', 'b', undefined)
    const { follower: resumed, followed } = await follow(groups, since)
    expect([followed.recovered, followed.values, followed.position]).toEqual([true, undefined, since])
    await patiently(() => expect(resumed.got).toEqual(['d 2999', 'a 3000', 'no b']))
    expect(follower.got).toEqual([])
    expect(groups.stats()).toMatchObject({ reads: 0, resumes: { fresh: 1, continues: 1 } })
  })

  it('gets the values if the log does not continue its position', async () => {
    const { log, groups } = logAndGroups()
    await groups.set('prices', 'a', '1')
    const { cursor } = await follow(groups)
    const since = { epoch: cursor.epoch, offset: cursor.offset }
    for (const [position, why] of [
      [{ ...since, offset: since.offset + 1 }, 'ahead'],
      [{ ...since, epoch: 'another' }, 'epoch'],
    ] as const) {
      const { follower, followed } = await follow(groups, position)
      expect([followed.recovered, followed.why, formatPosition(followed.position)]).toEqual([
        false,
        why,
        formatPosition(since),
      ])
      expect(follower.values).toEqual({ a: 1 })
    }
    const { follower } = await follow(groups)
    log.flush()
    await groups.set('prices', 'b', '2')
    await patiently(() => expect(follower.values).toEqual({ b: 2 }))
    expect(follower.got[0]).toMatch(/^reset epoch at [01]$/)
  })

  it('gets the values after more deletions than a log keeps', async () => {
    const { groups } = logAndGroups()
    await groups.set('prices', 'stays', '1')
    const { follower } = await follow(groups)
    const { cursor: away } = await follow(groups)
    away.close()
    follower.pause()
    await groups.set('prices', 'other', '2')
    await patiently(() => expect(follower.got).toEqual(['other 2']))
    for (let number = 0; number <= MAX_DELETIONS; number++) {
      await groups.set('prices', `key ${number}`, '0')
      await groups.set('prices', `key ${number}`, undefined)
    }
    const { follower: live } = await follow(groups)
    const { follower: resumed, followed } = await follow(groups, away)
    expect([followed.why, resumed.values]).toEqual(['trimmed', { stays: 1, other: 2 }])
    follower.resume()
    await patiently(() => expect(follower.got.at(-1)).toMatch(/^reset trimmed/))
    expect(follower.values).toEqual({ stays: 1, other: 2 })
    expect(live.values).toEqual({ stays: 1, other: 2 })
  })

  it('gets the deletion of an expired value although no process changes or reads the group', async () => {
    const { groups } = logAndGroups()
    await groups.set('prices', 'before', '1', { ttlMs: 50 })
    const { follower } = await follow(groups)
    await groups.set('prices', 'after', '2', { ttlMs: 60 })
    await groups.set('prices', 'stays', '3', { ttlMs: 600_000 })
    await patiently(() => expect(follower.values).toEqual({ stays: 3 }))
    expect(follower.got).toEqual(['after 2', 'stays 3', 'no before', 'no after'])
  })

  it('cannot follow a group with values and with events', async () => {
    const { groups } = logAndGroups()
    await follow(groups)
    await expect(groups.follow('prices', new StateFollower())).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })
})

describe('the values of a group', () => {
  it.each(['', 'x'.repeat(257), '\uD800', 5 as unknown as string])('cannot have the key %j', async (key) => {
    const { groups } = logAndGroups()
    await expect(groups.set('prices', key, '1')).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })

  it('have 1000 keys at most by default', async () => {
    const { groups } = logAndGroups()
    for (let number = 0; number < keepDefaults.maxKeys; number++) await groups.set('prices', `${number}`, '1')
    await groups.set('prices', '0', '2')
    await expect(groups.set('prices', 'one more', '1')).rejects.toMatchObject({
      code: 'ERR_GROUP_FULL',
      message: expect.stringContaining('more than 1000 keys'),
    })
    await groups.set('prices', '0', undefined)
    await expect(groups.set('prices', 'one more', '1')).resolves.toMatchObject({ status: 'changed' })
  })

  it('have 1 MiB at most by default', async () => {
    const { groups } = logAndGroups()
    const value = JSON.stringify('x'.repeat(65_000))
    for (let number = 0; number < 16; number++) await groups.set('prices', `${number}`, value)
    await expect(groups.set('prices', 'one more', value)).rejects.toMatchObject({ code: 'ERR_GROUP_FULL' })
    await groups.set('prices', 'a small one', '1')
  })

  it('are at most as large as an event', async () => {
    const { groups } = logAndGroups()
    const value = JSON.stringify('x'.repeat(65_536))
    await expect(groups.set('prices', 'a', value)).rejects.toMatchObject({ code: 'ERR_MESSAGE_TOO_LARGE' })
  })

  it.each([
    [{ maxKeys: 0 }, {}],
    [{ maxKeys: 10_001 }, {}],
    [{ maxBytes: 0 }, {}],
    [{ ttlMs: 0.5 }, {}],
    [{}, { ttlMs: 0 }],
  ])('reject the options %j %j', async (keep, options) => {
    const { groups } = logAndGroups()
    await expect(groups.set('prices', 'a', '1', options, keep)).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })
})
