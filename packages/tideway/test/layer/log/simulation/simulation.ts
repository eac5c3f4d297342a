import { ok, strictEqual } from 'node:assert'
import { KeptGroups } from '../../../../src/layer/log/kept-groups.ts'
import type { KeptGroupsStats } from '../../../../src/layer/log/log-stats.ts'
import { Random } from '../../../server/fuzz/random.ts'
import { SimulatedClient } from './simulated-client.ts'
import { SimulatedLog } from './simulated-log.ts'
import { SimulatedRedis } from './simulated-redis.ts'
import { VirtualClock } from './virtual-clock.ts'

const GROUPS = ['a', 'b'] as const
const PROCESSES = 3
const CLIENTS = 8
const STEPS = 60
const TOTAL_RING_BYTES = 200

/** What a simulation has done, to see that the simulations do what their names say. */
export interface SimulationReport {
  readonly events: number
  readonly told: number
  readonly published: number
  readonly repairs: number
  readonly reads: number
}

interface SimulatedProcess {
  log: SimulatedLog
  groups: KeptGroups
}

/**
 * Three processes on one Redis, clients that come and go, publishers that repeat an event whose outcome they do not know, and
 * faults: all of it in virtual time, decided by the seed. Throws if a client has missed an event and was not told.
 */
export async function simulate(seed: number): Promise<SimulationReport> {
  const random = new Random(seed)
  const clock = new VirtualClock(random)
  const redis = new SimulatedRedis()
  const failures: unknown[] = []
  const latencyMs = random.of([5, 50, 300])
  /** Without faults that give no sign, every client is complete without a sweep and without a further event. */
  const hasSilentFaults = seed % 2 === 1
  const start = (): SimulatedProcess => {
    const log = new SimulatedLog(redis, clock, random, latencyMs)
    const options = {
      ringEntries: 4,
      totalRingBytes: TOTAL_RING_BYTES,
      replayEntries: 12,
      lingerMs: 300,
      readsAtOnce: 2,
    }
    return {
      log,
      groups: new KeptGroups(log, { ...options, sweepIntervalMs: hasSilentFaults ? 5000 : 600_000 }, listener, clock),
    }
  }
  const listener = { readFailed() {}, followerFailed: (_group: string, error: unknown) => failures.push(error) }
  const processes = Array.from({ length: PROCESSES }, start)
  const clients = Array.from({ length: CLIENTS }, (_, i) => new SimulatedClient(GROUPS[i % 2]!, redis, clock, random))
  const pending = new Set<Promise<unknown>>()
  const watched = (promise: Promise<unknown>): void => {
    const settled = promise.catch((error: unknown) => failures.push(error)).finally(() => pending.delete(settled))
    pending.add(settled)
  }
  const size = random.of([6, 10, 20])
  let published = 0
  let repairs = 0
  let reads = 0

  const publish = async (): Promise<void> => {
    const { groups } = random.of(processes)
    const id = `${published++}`
    for (let attempt = 0; attempt < 3; attempt++) {
      try {
        await groups.publish(random.of(GROUPS), `event ${id}`, { size }, { id })
        return
      } catch (error) {
        const { code } = error as { code?: string }
        ok(code === 'ERR_LAYER_UNAVAILABLE' || code === 'ERR_LAYER_CLOSED', String(error))
        await clock.delay(20)
      }
    }
  }
  const connect = (client: SimulatedClient): void => watched(client.connect(random.of(processes).groups))
  const kill = (index: number): void => {
    const killed = processes[index]!
    const { repairs: made, reads: done } = killed.groups.stats()
    repairs += made
    reads += done
    killed.log.kill()
    void killed.groups.close()
    processes[index] = start()
    for (const client of clients) if (client.groups === killed.groups) client.leave()
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
    () => redis.evictEntries(random.of(GROUPS)),
    () => lose(() => redis.goBack(random.below(6))),
    () => lose(() => redis.loseAll(true)),
    () => lose(() => redis.loseAll(false)),
    ...(hasSilentFaults
      ? [() => redis.evictHead(random.of(GROUPS)), () => random.of(processes).log.loseMessages(1 + random.below(3))]
      : []),
  ]
  /** Redis closes its connections when it loses data. */
  const lose = (loss: () => void): void => {
    loss()
    for (const { log } of processes) log.cutSubscriber(random.below(300))
  }

  for (const client of clients) {
    client.isSlow = random.is(0.3)
    connect(client)
  }
  for (let step = 0; step < STEPS; step++) {
    for (let i = random.below(4); i > 0; i--) watched(publish())
    const client = random.of(clients)
    if (random.is(0.3)) connect(client)
    else if (random.is(0.2)) client.leave()
    if (random.is(0.12)) random.of(faults)()
    await clock.run(random.below(200))
    for (const { groups } of processes)
      ok(groups.stats().ringBytes <= TOTAL_RING_BYTES, 'The rings are over their bound.')
  }

  // Everything is healthy again: each client comes back, and one more event shows each its place.
  await clock.run(20_000)
  for (const client of clients) {
    client.isSlow = false
    if (client.groups === undefined) connect(client)
  }
  await clock.run(20_000)
  const sum = (count: (stats: KeptGroupsStats) => number): number =>
    processes.reduce((total, { groups }) => total + count(groups.stats()), 0)
  for (const client of clients) client.check()
  for (const group of GROUPS) watched(processes[0]!.groups.publish(group, 'the last event', { size }))
  await clock.run(20_000)
  const before = sum((stats) => stats.repairs)
  await clock.run(20_000)
  strictEqual(
    sum((stats) => stats.repairs),
    before,
    'A tail reads without a reason.',
  )
  if (failures.length > 0) throw failures[0]
  strictEqual(pending.size, 0, 'A call has not settled.')
  for (const client of clients) client.check()
  for (const { groups } of processes) {
    const stats = groups.stats()
    repairs += stats.repairs
    reads += stats.reads
    strictEqual(stats.lagging, 0, 'A cursor lags.')
    void groups.close()
  }
  const total = (count: (client: SimulatedClient) => number): number =>
    clients.reduce((sum, one) => sum + count(one), 0)
  return { events: total(({ events }) => events), told: total(({ timesTold }) => timesTold), published, repairs, reads }
}
