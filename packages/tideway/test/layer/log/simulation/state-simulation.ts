import { ok, strictEqual } from 'node:assert'
import { KeptGroups } from '../../../../src/layer/log/kept-groups.ts'
import { Random } from '../../../server/fuzz/random.ts'
import { SimulatedLog } from './simulated-log.ts'
import { SimulatedRedis } from './simulated-redis.ts'
import { StateClient } from './state-client.ts'
import { VirtualClock } from './virtual-clock.ts'

const GROUPS = ['a', 'b'] as const
const KEYS = ['one', 'two', 'three', 'four', 'five'] as const
const PROCESSES = 3
const CLIENTS = 6
const STEPS = 60

interface SimulatedProcess {
  log: SimulatedLog
  groups: KeptGroups
}

/** What a simulation has done, to see that the simulations do what their names say. */
export interface StateReport {
  readonly changes: number
  readonly skipped: number
  readonly snapshots: number
  readonly repairs: number
}

/**
 * Three processes that change values on one Redis, clients that come and go, and faults: in virtual time, decided by the seed. Throws
 * if a client does not have the values of its group at the end.
 */
export async function simulateState(seed: number): Promise<StateReport> {
  const random = new Random(seed)
  const clock = new VirtualClock(random)
  const redis = new SimulatedRedis()
  const latencyMs = random.of([5, 50, 300])
  const start = (): SimulatedProcess => {
    const log = new SimulatedLog(redis, clock, random, latencyMs)
    const options = { ringEntries: 4, lingerMs: 300, readsAtOnce: 2, sweepIntervalMs: 600_000 }
    return { log, groups: new KeptGroups(log, options, undefined, clock) }
  }
  const processes = Array.from({ length: PROCESSES }, start)
  const clients = Array.from({ length: CLIENTS }, (_, i) => new StateClient(GROUPS[i % 2]!, clock, random))
  const failures: unknown[] = []
  let pending = 0
  let repairs = 0
  const watched = (promise: Promise<unknown>): void => {
    pending++
    void promise.catch((error: unknown) => failures.push(error)).finally(() => pending--)
  }
  let changes = 0
  const change = async (groups = random.of(processes).groups, group: string = random.of(GROUPS)): Promise<void> => {
    try {
      await groups.set(group, random.of(KEYS), random.is(0.3) ? undefined : String(changes++))
    } catch (error) {
      const { code } = error as { code?: string }
      ok(code === 'ERR_LAYER_UNAVAILABLE' || code === 'ERR_LAYER_CLOSED', String(error))
    }
  }
  const kill = (index: number): void => {
    const { log, groups } = processes[index]!
    repairs += groups.stats().repairs
    log.kill()
    void groups.close()
    processes[index] = start()
    for (const client of clients) if (client.groups === groups) client.leave()
  }
  /** Redis closes its connections when it loses data. */
  const lose = (loss: () => void): void => {
    loss()
    for (const { log } of processes) log.cutSubscriber(random.below(300))
  }
  const partition = (log: SimulatedLog): void => {
    log.isReachable = false
    clock.after(random.below(2000), () => (log.isReachable = true))
  }
  const faults: readonly (() => void)[] = [
    () => kill(random.below(PROCESSES)),
    () => random.of(processes).log.cutSubscriber(random.below(500)),
    () => random.of(processes).log.demoteSubscriber(),
    () => random.of(processes).log.stop(random.below(3000)),
    () => partition(random.of(processes).log),
    () => redis.dropDeletions(random.of(GROUPS)),
    () => lose(() => redis.goBack(random.below(6))),
    () => lose(() => redis.loseAll(true)),
    () => lose(() => redis.loseAll(false)),
  ]
  const connect = (client: StateClient): void => watched(client.connect(random.of(processes).groups))

  for (const client of clients) {
    client.isSlow = random.is(0.5)
    connect(client)
  }
  for (let step = 0; step < STEPS; step++) {
    for (let i = random.below(6); i > 0; i--) watched(change())
    const client = random.of(clients)
    if (random.is(0.3)) connect(client)
    else if (random.is(0.2)) client.leave()
    if (random.is(0.12)) random.of(faults)()
    await clock.run(random.below(200))
  }
  await clock.run(20_000)
  for (const client of clients) {
    client.isSlow = false
    if (client.groups === undefined) connect(client)
  }
  await clock.run(20_000)
  for (const client of clients) client.check(redis)
  for (const group of GROUPS) watched(change(processes[0]!.groups, group))
  await clock.run(20_000)
  if (failures.length > 0) throw failures[0]
  strictEqual(pending, 0, 'A call has not settled.')
  for (const client of clients) client.check(redis)
  for (const { groups } of processes) {
    const stats = groups.stats()
    strictEqual(stats.lagging, 0, 'A cursor lags.')
    repairs += stats.repairs
    void groups.close()
  }
  const sum = (count: (client: StateClient) => number): number => clients.reduce((all, one) => all + count(one), 0)
  return {
    changes: sum((client) => client.changes),
    skipped: sum(({ skipped }) => skipped),
    snapshots: sum(({ snapshots }) => snapshots),
    repairs,
  }
}
