import { describe, expect, it } from 'vitest'
import { presenceDefaults } from '../../../src/layer/presence/presence-options.ts'
import type { PresenceDiff, PresenceView } from '../../../src/layer/presence/presence-view.ts'
import { Random } from '../../server/fuzz/random.ts'
import { Fleet, type FleetProcess } from './fleet.ts'

const { beatMs, leaseMs, graceMs } = presenceDefaults
/** Longer than any exchange with the store in the simulation. */
const SOON = 200
/** The time after which the first process of a fleet removes dead ones. */
const STEADY = leaseMs + 2 * beatMs

async function fleetOf(count: number): Promise<{ fleet: Fleet; processes: FleetProcess[] }> {
  const fleet = new Fleet(new Random(1))
  const processes = Array.from({ length: count }, () => fleet.start())
  await fleet.clock.run(STEADY)
  return { fleet, processes }
}

async function enter(fleet: Fleet, { presence }: FleetProcess, key: string, meta: unknown = null) {
  const entering = presence.enter('g', { key, meta })
  await fleet.clock.run(SOON)
  return entering
}

async function watch(fleet: Fleet, { presence }: FleetProcess): Promise<{ view: PresenceView; diffs: PresenceDiff[] }> {
  const diffs: PresenceDiff[] = []
  const watching = presence.watch('g', { onOpen: () => {}, onDiff: (diff) => void diffs.push(diff) })
  await fleet.clock.run(SOON)
  return { view: await watching, diffs }
}

describe('a person in a group', () => {
  it('leaves graceMs after the last connection has ended, once', async () => {
    const { fleet, processes } = await fleetOf(2)
    const tabs = [await enter(fleet, processes[0]!, 'anna'), await enter(fleet, processes[1]!, 'anna')]
    tabs[0]!.leave()
    await fleet.clock.run(graceMs + SOON)
    expect(await fleet.people('g')).toEqual(['anna'])
    tabs[1]!.leave()
    await fleet.clock.run(graceMs - SOON)
    expect(await fleet.people('g')).toEqual(['anna'])
    await fleet.clock.run(2 * SOON)
    expect(fleet.changes()).toEqual(['+anna', '-anna'])
    expect(fleet.left).toEqual(['anna'])
  })

  it('never leaves if it returns within graceMs, to any process', async () => {
    const { fleet, processes } = await fleetOf(2)
    for (let visit = 0; visit < 6; visit++) {
      const tab = await enter(fleet, processes[visit % 2]!, 'anna')
      tab.leave()
      await fleet.clock.run(graceMs - 2 * SOON)
    }
    expect(fleet.changes()).toEqual(['+anna'])
  })

  it('leaves at once after a final leave', async () => {
    const { fleet, processes } = await fleetOf(1)
    const tab = await enter(fleet, processes[0]!, 'anna')
    tab.leave({ isFinal: true })
    await fleet.clock.run(SOON)
    expect(fleet.changes()).toEqual(['+anna', '-anna'])
  })

  it('leaves after the lease if its process is killed, and once in a fleet', async () => {
    const { fleet, processes } = await fleetOf(3)
    for (const key of ['anna', 'bo', 'cleo']) for (let tab = 0; tab < 3; tab++) await enter(fleet, processes[0]!, key)
    await enter(fleet, processes[1]!, 'bo')
    processes[0]!.kill()
    await fleet.clock.run(leaseMs - beatMs - SOON)
    expect(await fleet.people('g')).toEqual(['anna', 'bo', 'cleo'])
    await enter(fleet, processes[2]!, 'cleo')
    await fleet.clock.run(leaseMs + 2 * beatMs)
    expect(await fleet.people('g')).toEqual(['bo', 'cleo'])
    expect(fleet.changes()).toEqual(['+anna', '+bo', '+cleo', '-anna'])
    expect(fleet.left).toEqual(['anna'])
  })

  it('leaves after graceMs if its process has closed', async () => {
    const { fleet, processes } = await fleetOf(2)
    await enter(fleet, processes[0]!, 'anna')
    void processes[0]!.groups.close()
    await fleet.clock.run(graceMs - SOON)
    expect(await fleet.people('g')).toEqual(['anna'])
    await fleet.clock.run(beatMs + 2 * SOON)
    expect(fleet.changes()).toEqual(['+anna', '-anna'])
  })

  it('leaves and joins if its process stands still for longer than its lease', async () => {
    const { fleet, processes } = await fleetOf(2)
    await enter(fleet, processes[0]!, 'anna')
    processes[0]!.connection.state = 'frozen'
    await fleet.clock.run(leaseMs + 2 * beatMs)
    expect(await fleet.people('g')).toEqual([])
    processes[0]!.connection.resume()
    await fleet.clock.run(2 * beatMs)
    expect(await fleet.people('g')).toEqual(['anna'])
    await fleet.clock.run(leaseMs + 2 * beatMs)
    expect(fleet.changes()).toEqual(['+anna', '-anna', '+anna'])
    expect(fleet.left).toEqual(['anna'])
  })

  it('does not leave if the store stands still for longer than all leases', async () => {
    const { fleet, processes } = await fleetOf(3)
    for (const process of processes) await enter(fleet, process, 'anna')
    for (const process of processes) await enter(fleet, process, `in ${processes.indexOf(process)}`)
    for (const { connection } of processes) connection.state = 'frozen'
    await fleet.clock.run(2 * leaseMs)
    for (const { connection } of processes) connection.resume()
    await fleet.clock.run(3 * leaseMs)
    expect(fleet.left).toEqual([])
    expect(await fleet.people('g')).toEqual(['anna', 'in 0', 'in 1', 'in 2'])
  })

  it('is present again after the store has lost everything, and leaves afterwards', async () => {
    const { fleet, processes } = await fleetOf(2)
    const tab = await enter(fleet, processes[0]!, 'anna', { name: 'Anna' })
    const { view } = await watch(fleet, processes[1]!)
    fleet.log.flush()
    await fleet.clock.run(beatMs + SOON)
    expect(await fleet.people('g')).toEqual(['anna'])
    expect([...view.people!]).toEqual([['anna', { name: 'Anna' }]])
    tab.leave({ isFinal: true })
    await fleet.clock.run(SOON)
    expect(await fleet.people('g')).toEqual([])
  })

  it('leaves after the first new process has beaten for a lease, if all processes were killed', async () => {
    const { fleet, processes } = await fleetOf(2)
    for (const process of processes) await enter(fleet, process, 'anna')
    for (const process of processes) process.kill()
    await fleet.clock.run(10 * leaseMs)
    expect(await fleet.people('g')).toEqual(['anna'])
    fleet.start()
    await fleet.clock.run(STEADY)
    expect(await fleet.people('g')).toEqual([])
    expect(fleet.left).toEqual(['anna'])
  })

  it('is removed at the next watch if a dead process has entered it after its end', async () => {
    const { fleet, processes } = await fleetOf(1)
    await fleet.log.presence.enter('g', 'a dead process', [{ kind: 'enter', member: 1, key: 'ghost', meta: '1' }])
    await fleet.clock.run(10 * leaseMs)
    expect(await fleet.people('g')).toEqual(['ghost'])
    const { view } = await watch(fleet, processes[0]!)
    await fleet.clock.run(beatMs + SOON)
    expect([await fleet.people('g'), view.count, fleet.left]).toEqual([[], 0, ['ghost']])
  })

  it('is not present if its connection ends before it has entered', async () => {
    const { fleet, processes } = await fleetOf(1)
    const entering = processes[0]!.presence.enter('g', { key: 'anna', meta: null })
    void entering.then((member) => member.leave({ isFinal: true }))
    await fleet.clock.run(SOON)
    expect(await fleet.people('g')).toEqual([])
  })

  it('is removed if the outcome of its enter is unknown', async () => {
    const { fleet, processes } = await fleetOf(1)
    processes[0]!.connection.state = 'down'
    const outcomes = Array.from({ length: 20 }, (_, index) =>
      processes[0]!.presence.enter('g', { key: `${index}`, meta: null }).then(
        () => 'entered',
        () => 'rejected',
      ),
    )
    await fleet.clock.run(SOON)
    expect(new Set(await Promise.all(outcomes))).toEqual(new Set(['rejected']))
    processes[0]!.connection.resume()
    await fleet.clock.run(beatMs + SOON)
    expect(await fleet.people('g')).toEqual([])
  })
})

describe('a listener for people who have left', () => {
  it('is called again after each beat while it throws or rejects, with the same id, and others are not', async () => {
    const { fleet, processes } = await fleetOf(1)
    const calls: [key: string, id: string][] = []
    processes[0]!.presence.onLeft(({ key }, _group, id) => {
      calls.push([key, id])
      if (calls.length === 1) throw new Error('not now')
      return calls.length === 2 ? Promise.reject(new Error('not yet')) : undefined
    })
    const tab = await enter(fleet, processes[0]!, 'anna')
    tab.leave({ isFinal: true })
    await fleet.clock.run(3 * beatMs + SOON)
    const id = calls[0]![1]
    expect(calls).toEqual(Array.from({ length: 3 }, () => ['anna', id]))
    expect(fleet.left).toEqual(['anna'])
    expect(processes[0]!.presence.stats()).toMatchObject({ members: 0, groups: 0, left: 1, waitingLeft: 0 })
    expect(fleet.changes()).toEqual(['+anna', '-anna'])
  })

  it('of another process is called with the same id if the first process ends before its listener has returned', async () => {
    const { fleet, processes } = await fleetOf(2)
    const ids: string[] = []
    processes[0]!.presence.onLeft((_person, _group, id) => {
      ids.push(id)
      return new Promise(() => {})
    })
    const tab = await enter(fleet, processes[0]!, 'anna')
    tab.leave({ isFinal: true })
    await fleet.clock.run(2 * beatMs)
    processes[0]!.kill()
    await fleet.clock.run(leaseMs + 2 * beatMs)
    expect(fleet.left).toEqual(['anna', 'anna'])
    expect([...fleet.leftIds]).toEqual(ids)
    expect(processes[1]!.presence.stats()).toMatchObject({ left: 1, waitingLeft: 0, deadProcesses: 1 })
    await fleet.clock.run(10 * leaseMs)
    expect(fleet.left).toHaveLength(2)
  })

  it('that rejects keeps no person of a dead process in the group, and is called after each lease', async () => {
    const { fleet, processes } = await fleetOf(2)
    let calls = 0
    processes[1]!.presence.onLeft(() => (calls++ < 2 ? Promise.reject(new Error('not yet')) : undefined))
    for (const key of ['anna', 'bo']) await enter(fleet, processes[0]!, key)
    processes[0]!.kill()
    await fleet.clock.run(leaseMs + 2 * beatMs)
    expect(await fleet.people('g')).toEqual([])
    await fleet.clock.run(2 * leaseMs)
    expect(calls).toBe(4)
    expect(processes[1]!.presence.stats()).toMatchObject({ left: 2, waitingLeft: 0, deadProcesses: 1 })
  })
})

describe('a watcher of a group', () => {
  it('gets the sum of the changes of diffMs', async () => {
    const { fleet, processes } = await fleetOf(2)
    await enter(fleet, processes[0]!, 'anna', 1)
    const { view, diffs } = await watch(fleet, processes[1]!)
    expect([...view.people!]).toEqual([['anna', 1]])
    const entering = ['bo', 'cleo'].map((key) => processes[0]!.presence.enter('g', { key, meta: 2 }))
    const again = processes[1]!.presence.enter('g', { key: 'anna', meta: 3 })
    await fleet.clock.run(SOON)
    ;(await entering[0]!).leave({ isFinal: true })
    await again
    await fleet.clock.run(SOON)
    const sum = diffs.map((diff) => ({ in: [...diff.in], up: [...diff.up], out: [...diff.out], count: diff.count }))
    expect(sum.at(-1)).toEqual({ in: [], up: [], out: ['bo'], count: 2 })
    expect(sum.flatMap((diff) => diff.up)).toEqual([['anna', 3]])
    expect(view.people).toEqual(
      new Map([
        ['anna', 3],
        ['cleo', 2],
      ]),
    )
  })

  it('gets at most 10 diffs a second while 1,000 people join', async () => {
    const { fleet, processes } = await fleetOf(2)
    const { view, diffs } = await watch(fleet, processes[1]!)
    for (let tenth = 0; tenth < 10; tenth++) {
      for (let person = 0; person < 100; person++) {
        void processes[person % 2]!.presence.enter('g', { key: `${tenth}.${person}`, meta: null })
      }
      await fleet.clock.run(100)
    }
    await fleet.clock.run(SOON)
    expect([view.count, diffs.at(-1)?.count]).toEqual([1000, 1000])
    expect(diffs.length).toBeLessThanOrEqual(12)
    expect(diffs.reduce((sum, diff) => sum + diff.in.size, 0)).toBe(1000)
  })

  it('gets the count of a group with more than maxPeople, and the people again when they fit', async () => {
    const fleet = new Fleet(new Random(1))
    const process = fleet.start({ presence: { maxPeople: 10 } })
    await fleet.clock.run(STEADY)
    const { view, diffs } = await watch(fleet, process)
    const members = []
    for (let person = 0; person < 10; person++) members.push(await enter(fleet, process, `${person}`))
    expect(view.people?.size).toBe(10)
    members.push(await enter(fleet, process, 'one too many'))
    expect([view.people, view.count, diffs.at(-1)?.count]).toEqual([undefined, 11, 11])
    for (const member of members.slice(0, 3)) member.leave({ isFinal: true })
    await fleet.clock.run(2 * SOON)
    expect([view.people?.size, view.count]).toEqual([8, 8])
    expect([...diffs.at(-1)!.in.keys()].length).toBe(8)
  })
})

describe('the options of presence', () => {
  it.each([
    ['a meta', { key: 'k', meta: 'x'.repeat(1023) }],
    ['an empty key', { key: '', meta: 1 }],
    ['a long key', { key: 'x'.repeat(129), meta: 1 }],
    ['half a character', { key: '\ud83d', meta: 1 }],
  ])('refuse %s', async (_name, person) => {
    const fleet = new Fleet(new Random(1))
    await expect(fleet.start().presence.enter('g', person)).rejects.toMatchObject({ code: 'ERR_BAD_PRESENCE' })
  })

  it('accept a key and a meta at the bound', async () => {
    const fleet = new Fleet(new Random(1))
    const process = fleet.start()
    await enter(fleet, process, 'x'.repeat(128), 'x'.repeat(1022))
    expect(await fleet.people('g')).toEqual(['x'.repeat(128)])
  })

  it.each([
    [{ leaseMs: 9999 }, 'presence.leaseMs must be at least twice presence.beatMs, which is 5000, not 9999.'],
    [{ beatMs: 0 }, 'presence.beatMs must be a whole number'],
    [{ graceMs: -1 }, 'presence.graceMs must be a whole number'],
    [{ listSize: 0.5 }, 'presence.listSize must be a whole number'],
  ])('refuse %j', (presence, message) => {
    expect(() => new Fleet(new Random(1)).start({ presence })).toThrow(message)
  })

  it('accept a grace of 0, and a lease of two beats', async () => {
    const fleet = new Fleet(new Random(1))
    const process = fleet.start({ presence: { graceMs: 0, beatMs: 500, leaseMs: 1000 } })
    const member = await enter(fleet, process, 'anna')
    member.leave()
    await fleet.clock.run(SOON)
    expect(fleet.changes()).toEqual(['+anna', '-anna'])
  })
})
