import { describe, expect, it } from 'vitest'
import type { PresenceView, PresenceWatcher } from '../../../src/layer/presence/presence-view.ts'
import type { PresenceMember } from '../../../src/layer/presence/presence.ts'
import { Random } from '../../server/fuzz/random.ts'
import { Fleet, type FleetProcess } from './fleet.ts'

/** The first seed, and the number of seeds. TIDEWAY_SIM_SEEDS changes the number, and TIDEWAY_SIM_SEED the first one. */
const SEEDS = Number(process.env['TIDEWAY_SIM_SEEDS'] ?? 100)
const FIRST = Number(process.env['TIDEWAY_SIM_SEED'] ?? 0)

const KEYS = ['anna', 'bo', 'cleo', 'dan']
const STEPS = 80
/** The longest time between two steps: some are shorter than an exchange with the store, some longer than a lease. */
const MAX_PAUSES = [10, 100, 3000, 20_000]

interface Tab {
  readonly key: string
  member: PresenceMember | undefined
  isLeft: boolean
}

/** The people as a client would hold them: those at the beginning, and the diffs since. */
interface Client {
  readonly view: PresenceView
  readonly people: Map<string, unknown>
}

async function simulate(seed: number): Promise<{ changes: number; left: number; lost: number }> {
  const random = new Random(seed)
  const fleet = new Fleet(random)
  const tabs = new Map<FleetProcess, Tab[]>()
  const clients = new Map<FleetProcess, Client>()
  let lost = 0

  const start = (): void => {
    const process = fleet.start()
    tabs.set(process, [])
    const people = new Map<string, unknown>()
    const watcher: PresenceWatcher = {
      onOpen(view) {
        for (const [key, meta] of view.people!) people.set(key, meta)
        clients.set(process, { view, people })
      },
      onDiff(diff) {
        for (const [key, meta] of [...diff.in, ...diff.up]) people.set(key, meta)
        for (const key of diff.out) people.delete(key)
      },
    }
    process.presence.watch('g', watcher).catch(() => {})
  }
  const enter = (process: FleetProcess): void => {
    const tab: Tab = { key: random.of(KEYS), member: undefined, isLeft: false }
    tabs.get(process)!.push(tab)
    process.presence.enter('g', { key: tab.key, meta: random.below(3) }).then(
      (member) => {
        tab.member = member
        if (tab.isLeft) member.leave()
      },
      () => (tab.isLeft = true),
    )
  }
  const leave = (process: FleetProcess): void => {
    const open = tabs.get(process)!.filter(({ isLeft }) => !isLeft)
    if (open.length === 0) return
    const tab = random.of(open)
    tab.isLeft = true
    tab.member?.leave({ isFinal: random.is(0.5) })
  }
  const disturb = (process: FleetProcess): void => {
    const { connection } = process
    const fault = random.next()
    if (connection.state !== 'up') connection.resume()
    else if (fault < 0.4) connection.state = random.of(['down', 'frozen'] as const)
    else if (fault < 0.6) process.kill()
    else if (fault < 0.7) {
      lost++
      fleet.log.flush()
    }
  }

  for (let process = 0; process < 3; process++) start()
  for (let step = 0; step < STEPS; step++) {
    if (fleet.processes.length < 2 || random.is(0.02)) start()
    const process = random.of(fleet.processes)
    const action = random.below(10)
    if (action < 5) enter(process)
    else if (action < 9) leave(process)
    else disturb(process)
    await fleet.clock.run(random.below(random.of(MAX_PAUSES)))
    fleet.requireAlternation()
  }
  for (const { connection } of fleet.processes) connection.resume()
  await fleet.clock.run(120_000)
  fleet.requireAlternation()

  const expected = fleet.processes.flatMap((process) =>
    tabs.get(process)!.flatMap(({ key, isLeft }) => (isLeft ? [] : [key])),
  )
  const people = [...new Set(expected)].toSorted()
  expect(await fleet.people('g')).toEqual(people)
  for (const process of fleet.processes) {
    const client = clients.get(process)
    if (client === undefined) continue
    expect([...client.people.keys()].toSorted(), 'the people of a client').toEqual(people)
    expect(client.view.count).toBe(people.length)
    expect(client.people).toEqual(client.view.people)
  }
  const outs = fleet.changes().filter((change) => change.startsWith('-')).length
  expect(fleet.leftIds.size).toBeLessThanOrEqual(outs)
  // A store that loses its data also loses the people who wait for a listener.
  expect(fleet.leftIds.size, 'the people for whom listeners were called').toBeGreaterThanOrEqual(lost === 0 ? outs : 0)
  return { changes: fleet.changes().length, left: fleet.leftIds.size, lost }
}

describe('presence in a simulated fleet with faults', () => {
  it(
    `joins and leaves in turn for each person, and ends with the people who are connected (${SEEDS} seeds)`,
    { timeout: 60_000 + 1000 * SEEDS },
    async () => {
      const sum = { changes: 0, left: 0, lost: 0 }
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) {
        try {
          const report = await simulate(seed)
          for (const name of Object.keys(sum) as (keyof typeof sum)[]) sum[name] += report[name]
        } catch (error) {
          throw new Error(`Repeat it with TIDEWAY_SIM_SEED=${seed} TIDEWAY_SIM_SEEDS=1.`, { cause: error })
        }
      }
      process.stdout.write(`presence: ${SEEDS} seeds, ${JSON.stringify(sum)}\n`)
      expect(sum.left).toBeGreaterThan(5 * SEEDS)
      expect(sum.lost).toBeGreaterThan(SEEDS / 10)
    },
  )
})
