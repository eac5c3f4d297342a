import { describe, expect, it } from 'vitest'
import { KeptGroups } from '../../../src/layer/log/kept-groups.ts'
import { everyInterleaving, someInterleavings, type Action, type World } from './simulation/interleavings.ts'
import { Random } from '../../server/fuzz/random.ts'
import { SimulatedClient } from './simulation/simulated-client.ts'
import { SimulatedRedis } from './simulation/simulated-redis.ts'
import { SteppedProcess } from './simulation/stepped-process.ts'

const GROUP = 'g'
/** Of the random orders. */
const SEED = 1
/** The number of random orders. TIDEWAY_INTERLEAVINGS changes it. */
const ORDERS = Number(process.env['TIDEWAY_INTERLEAVINGS'] ?? 1000)

/** The state at the begin of the runs, and what happens in them. */
interface Scenario {
  /** The events of the runs. The log puts the appends of all publishers into one order, so one publisher stands for several. */
  readonly events: number
  /** How many of the last writes Redis loses: one of these numbers in each run. */
  readonly lost: readonly number[]
  /** How many entries the process holds. */
  readonly ringEntries: number
  /** How many clients come from another process, where they have received one event more than the process. */
  readonly returning: number
  /** By how many events a client of the process is behind: it is busy at the begin of the runs. */
  readonly behind: number
}

async function makeWorld({ events, lost, ringEntries, returning, behind }: Scenario): Promise<World> {
  const redis = new SimulatedRedis()
  const failures: unknown[] = []
  const listener = { readFailed() {}, followerFailed: (_group: string, error: unknown) => failures.push(error) }
  const start = (): { process: SteppedProcess; groups: KeptGroups } => {
    const process = new SteppedProcess(redis)
    return { process, groups: new KeptGroups(process, { ringEntries }, listener, process) }
  }
  let published = 0
  const publish = (): void =>
    void redis.append(GROUP, `event ${published++}`, { size: 100, ttlMs: 1000, headTtlMs: 1000 })
  const connect = (client: SimulatedClient, groups: KeptGroups): void =>
    void client.connect(groups).catch((error: unknown) => failures.push(error))
  const { process, groups } = start()
  const clients: SimulatedClient[] = []
  const newClient = (): SimulatedClient => {
    let calls = 0
    // Asks for one entry, and is busy once at most.
    return new SimulatedClient(GROUP, redis, process, { below: () => clients.length, is: () => ++calls > 1 })
  }

  const client = newClient()
  clients.push(client)
  publish()
  connect(client, groups)
  await finish(process)
  client.isSlow = behind > 0
  for (let i = 0; i < behind; i++) publish()
  await finish(process, (name) => name.startsWith('message'))
  const pending: Action[] = []
  if (returning > 0) {
    const other = start()
    for (let i = 0; i < returning; i++) {
      const one = newClient()
      clients.push(one)
      connect(one, other.groups)
    }
    await finish(other.process)
    publish()
    await finish(other.process)
    for (const one of clients.slice(1)) one.leave()
    await other.groups.close()
    for (const one of clients.slice(1)) connect(one, groups)
  }
  for (let i = 0; i < events; i++) pending.push({ name: `event ${i}`, side: 'redis', run: publish })
  const lose = (writes: number): void => {
    process.disconnect()
    redis.goBack(writes)
  }
  for (const writes of lost) pending.push({ name: `loss of ${writes}`, side: 'both', run: () => lose(writes) })

  return {
    actions() {
      // Events happen in one order, and only one loss happens.
      const event = pending.find(({ name }) => name.startsWith('event'))
      const open = pending.filter((action) => action === event || !action.name.startsWith('event'))
      const started = open.map((action) => ({
        ...action,
        run() {
          const kind = action.side === 'both' ? 'loss' : action.name
          for (const one of pending.filter(({ name }) => name.startsWith(kind))) pending.splice(pending.indexOf(one), 1)
          action.run()
        },
      }))
      return [...process.actions(), ...started]
    },
    async check() {
      for (const one of clients) one.check()
      publish()
      await finish(process)
      expect(failures).toEqual([])
      for (const one of clients) one.check()
      await groups.close()
    },
  }
}

/** Takes all steps of the process in the order in which they became possible. */
async function finish(process: SteppedProcess, isTaken: (name: string) => boolean = () => true): Promise<void> {
  for (;;) {
    await new Promise((resolve) => setImmediate(resolve))
    const action = process.actions().find(({ name }) => isTaken(name))
    if (action === undefined) return
    action.run()
  }
}

const once = 'gets every event once and in order, or is told that it does not'

describe('a follower, while Redis loses its newest events', () => {
  it.each<[string, Scenario]>([
    ['4 events', { events: 4, lost: [1, 2], ringEntries: 4, returning: 0, behind: 0 }],
    ['a client that returns', { events: 1, lost: [1], ringEntries: 4, returning: 1, behind: 0 }],
    ['a slow client', { events: 2, lost: [1, 2], ringEntries: 1, returning: 0, behind: 2 }],
  ])(`${once}, in every order of the steps with %s`, { timeout: 120_000 }, async (_name, scenario) => {
    const runs = await everyInterleaving(() => makeWorld(scenario))
    expect(runs).toBeGreaterThan(500)
  })

  it(
    `${once}, in random orders of the steps with slow and returning clients`,
    { timeout: 60_000 + 60 * ORDERS },
    async () => {
      const scenario = { events: 2, lost: [1, 2, 3], ringEntries: 1, returning: 2, behind: 3 }
      expect(await someInterleavings(() => makeWorld(scenario), new Random(SEED), ORDERS)).toBeGreaterThan(10 * ORDERS)
    },
  )
})
