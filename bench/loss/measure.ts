import { setTimeout as delay } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { startRedis } from '../src/redis-process.ts'
import { LoadChild, ServerChild } from './child.ts'
import { now } from './clock.ts'
import type { Contender } from './contenders.ts'
import { sum } from './ledger.ts'
import type { LoadReport } from './load-report.ts'
import { percentile } from './percentile.ts'
import type { LossRow, LossSettings, Percentiles } from './results.ts'
import { allRooms } from './rooms.ts'
import type { Scenario, Stage } from './scenarios.ts'
import { fatalFlags } from './validity.ts'

/** The row of a server, and why it must not be kept. */
export interface Outcome {
  readonly row: LossRow
  readonly flags: readonly string[]
}

/** About 100 bytes more than the numbers of a message. */
const TEXT = 'x'.repeat(100)
const SETTLE_MS = 1000
const PEAK_INTERVAL_MS = 1000

/** Runs one scenario with one server. */
export async function measureLoss(scenario: Scenario, contender: Contender, settings: LossSettings): Promise<Outcome> {
  const running = new AsyncDisposables()
  try {
    const redis = contender.needsRedis ? running.add(await startRedis()) : undefined
    const env = { ...contender.env, ...(redis === undefined ? {} : { REDIS_URL: redis.url }) }
    const watched: ServerChild[] = []
    const startServer = async (): Promise<ServerChild> => {
      const server = running.add(await ServerChild.start(contender.program, 'server', env))
      watched.push(server)
      return server
    }
    const servers = await Promise.all(Array.from({ length: scenario.processes }, startServer))
    const publisher =
      scenario.processes > 1 ? running.add(await ServerChild.start(contender.program, 'load', env)) : servers[0]!
    const loads = await Promise.all(
      Array.from({ length: settings.shards }, async () => running.add(await LoadChild.start('load'))),
    )
    await connectAll(loads, contender, servers, settings)
    await delay(SETTLE_MS)
    await Promise.all(loads.map((load) => load.order({ do: 'begin' })))
    const meter = new Meter(watched, redis?.url)
    const publishing = new Publishing(publisher, settings)
    const stage: Stage = { servers, loads, settings, at: (part) => publishing.at(part), startServer }
    const published = publishing.run()
    const [faultFailure, usage] = await Promise.all([
      scenario.fault(stage),
      measureCuts(scenario, stage, meter, published),
    ])
    await published
    const peakBusy = await meter.stop()
    const reports = await Promise.all(loads.map((load) => load.finish(publishing.perRoom)))
    const flags = fatalFlags({
      loads: reports,
      published: publishing.published,
      wanted: publishing.wanted,
      firstSentMs: publishing.firstSentMs,
      publishingMs: publishing.tookMs,
      wantedMs: publishing.wantedMs,
      perRoom: publishing.perRoom,
      minCutShare: scenario.minCutShare,
      ...(scenario.cuts ? { awayMs: settings.awaySeconds * 1000 } : {}),
      failure: faultFailure ?? publishing.failure,
    })
    return { row: toRow(contender, reports, peakBusy, usage), flags }
  } finally {
    await running.stop()
  }
}

/** Everything that must be stopped at the end, the newest first. */
class AsyncDisposables {
  readonly #all: { stop(): Promise<void> }[] = []

  add<T extends { stop(): Promise<void> }>(one: T): T {
    this.#all.push(one)
    return one
  }

  async stop(): Promise<void> {
    for (const one of this.#all.toReversed()) await one.stop()
  }
}

async function connectAll(
  loads: readonly LoadChild[],
  { dialect }: Contender,
  servers: readonly ServerChild[],
  { clients, roomSize, everySeconds, awaySeconds }: LossSettings,
): Promise<void> {
  const share = Math.ceil(clients / loads.length)
  const ports = servers.map(({ port }) => port)
  const orders = loads.map((load, shard) => {
    const first = shard * share
    const own = Math.min(share, clients - first)
    const times = { everyMs: everySeconds * 1000, awayMs: awaySeconds * 1000 }
    return load.order({ do: 'connect', settings: { dialect, ports, first, clients: own, roomSize, ...times } })
  })
  await Promise.all(orders)
}

/** Cuts clients after the calm time, and returns the cost of their returns above that of the calm time. */
async function measureCuts(
  { cuts }: Scenario,
  { loads, settings }: Stage,
  meter: Meter,
  published: Promise<void>,
): Promise<Usage | undefined> {
  if (!cuts) return undefined
  const before = await meter.read()
  await delay(settings.calmSeconds * 1000)
  const calm = await meter.read()
  await Promise.all(loads.map((load) => load.order({ do: 'cut', isOn: true })))
  await published
  const after = await meter.read()
  await Promise.all(loads.map((load) => load.order({ do: 'cut', isOn: false })))
  const ratio = (after.atMs - calm.atMs) / (calm.atMs - before.atMs)
  return {
    cpuMs: after.cpuMs - calm.cpuMs - ratio * (calm.cpuMs - before.cpuMs),
    commands: after.commands - calm.commands - ratio * (calm.commands - before.commands),
  }
}

interface Usage {
  readonly cpuMs: number
  readonly commands: number
}

/** Reads what the servers and Redis have used. */
class Meter {
  readonly #servers: readonly ServerChild[]
  readonly #redis: Redis | undefined
  readonly #last = new Map<ServerChild, number>()
  #lastAtMs = now()
  readonly #sampling: Promise<void>
  readonly #over = new AbortController()
  #peakBusy = 0

  constructor(servers: readonly ServerChild[], redisUrl: string | undefined) {
    this.#servers = servers
    this.#redis = redisUrl === undefined ? undefined : new Redis(redisUrl)
    this.#sampling = this.#sampleAlways()
  }

  async read(): Promise<Usage & { readonly atMs: number }> {
    const [commands, ...cpu] = await Promise.all([this.#commands(), ...this.#servers.map((server) => server.cpuMs())])
    return { cpuMs: cpu.reduce((total, ms) => total + ms, 0), commands, atMs: now() }
  }

  /** Returns the busiest second. */
  async stop(): Promise<number> {
    this.#over.abort()
    await this.#sampling
    this.#redis?.disconnect()
    return this.#peakBusy
  }

  async #commands(): Promise<number> {
    if (this.#redis === undefined) return 0
    return Number(/total_commands_processed:(\d+)/.exec(await this.#redis.info('stats'))![1])
  }

  async #sampleAlways(): Promise<void> {
    const { signal } = this.#over
    while (!signal.aborted) {
      await delay(PEAK_INTERVAL_MS, undefined, { signal }).catch(() => {})
      if (!signal.aborted) await this.#sample()
    }
  }

  async #sample(): Promise<void> {
    const servers = [...this.#servers]
    // A server that ends does not answer any more.
    const used = await Promise.all(servers.map((server) => server.cpuMs().catch(() => undefined)))
    const atMs = now()
    let busyMs = 0
    for (const [index, server] of servers.entries()) {
      const cpuMs = used[index]
      if (cpuMs === undefined) continue
      busyMs += cpuMs - (this.#last.get(server) ?? cpuMs)
      this.#last.set(server, cpuMs)
    }
    this.#peakBusy = Math.max(this.#peakBusy, busyMs / (atMs - this.#lastAtMs))
    this.#lastAtMs = atMs
  }
}

/** Publishes the same messages into every room, one room after another within each interval. */
class Publishing {
  readonly #publisher: ServerChild
  readonly #rooms: readonly string[]
  readonly #intervalMs: number
  readonly #calm: number
  readonly #messages: number
  readonly perRoom: number
  published = 0
  firstSentMs = Infinity
  tookMs = 0
  #failure: Error | undefined

  constructor(publisher: ServerChild, { clients, roomSize, messages, rate, calmSeconds }: LossSettings) {
    this.#publisher = publisher
    this.#rooms = allRooms(clients, roomSize)
    this.#intervalMs = 1000 / rate
    this.#calm = Math.round(calmSeconds * rate)
    this.#messages = messages
    this.perRoom = this.#calm + messages
  }

  get wanted(): number {
    return this.perRoom * this.#rooms.length
  }

  get wantedMs(): number {
    return this.perRoom * this.#intervalMs
  }

  async run(): Promise<void> {
    const start = now()
    this.firstSentMs = start
    const answers: Promise<void>[] = []
    const step = this.#intervalMs / this.#rooms.length
    for (let index = 0; index < this.wanted; index++) {
      await delay(Math.max(0, start + index * step - now()))
      const room = this.#rooms[index % this.#rooms.length]!
      const n = Math.floor(index / this.#rooms.length) + 1
      answers.push(this.#publish(room, n))
    }
    await Promise.all(answers)
    this.tookMs = now() - start
  }

  async at(part: number): Promise<void> {
    await delay(Math.max(0, this.firstSentMs + (this.#calm + part * this.#messages) * this.#intervalMs - now()))
  }

  async #publish(room: string, n: number): Promise<void> {
    try {
      await this.#publisher.publish({ room, n, sentMs: now(), text: TEXT })
      this.published++
    } catch (error) {
      this.#failure ??= error as Error
    }
  }

  get failure(): string | undefined {
    return this.#failure?.message
  }
}

function toRow({ name }: Contender, loads: readonly LoadReport[], peakBusy: number, usage: Usage | undefined): LossRow {
  const returns = loads.reduce((total, load) => total + load.returns, 0)
  const silence = loads.flatMap(({ silenceMs }) => silenceMs)
  const perReturn =
    usage === undefined || returns === 0
      ? {}
      : { cpuUsPerReturn: (usage.cpuMs * 1000) / returns, redisCommandsPerReturn: usage.commands / returns }
  return {
    name,
    counts: sum(loads.map(({ counts }) => counts)),
    returns,
    neverBack: loads.reduce((total, load) => total + load.neverBack, 0),
    ignored: loads.reduce((total, load) => total + load.ignored, 0),
    catchUpMs: percentiles(loads.flatMap(({ catchUpMs }) => catchUpMs)),
    openMs: percentiles(loads.flatMap(({ openMs }) => openMs)),
    silenceMs: { p50: percentile(silence, 0.5) ?? 0, max: Math.max(...silence) },
    ...perReturn,
    peakBusy,
    loadBusy: Math.max(...loads.map(({ busy }) => busy)),
    loopDelayP99Ms: Math.max(...loads.map(({ loopDelayP99Ms }) => loopDelayP99Ms)),
  }
}

function percentiles(values: readonly number[]): Percentiles | undefined {
  if (values.length === 0) return undefined
  return { p50: percentile(values, 0.5)!, p95: percentile(values, 0.95)!, p99: percentile(values, 0.99)! }
}
