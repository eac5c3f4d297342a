import { setTimeout as delay } from 'node:timers/promises'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { Client, type Samples, type Surroundings } from './clients/client.ts'
import type { Dialect } from './clients/dialect.ts'
import { SocketIoDialect } from './clients/socket-io.ts'
import { TidewayDialect } from './clients/tideway.ts'
import { PlainDialect } from './clients/ws.ts'
import { now } from './clock.ts'
import { sum } from './ledger.ts'
import type { DialectName, LoadAnswer, LoadOrder, LoadReport, LoadSettings } from './load-report.ts'
import { roomsOf } from './rooms.ts'

// A process with clients, which its parent steers by messages.

const dialects: Readonly<Record<DialectName, new (rooms: readonly string[]) => Dialect>> = {
  tideway: TidewayDialect,
  ws: PlainDialect,
  'socket.io': SocketIoDialect,
}

/** Connections that are opened at a time. */
const PARALLEL = 50
const JOIN_TIMEOUT_MS = 60_000
/** How long the clients have at the end to return, and to receive what they have missed. */
const RETURN_TIMEOUT_MS = 30_000
/** The end: no client has received anything for this time. */
const QUIET_MS = 2500

class Load {
  readonly #clients: Client[] = []
  readonly #around: Surroundings
  readonly #samples: Samples = {
    catchUpMs: [],
    openMs: [],
    awayMs: [],
    returns: 0,
    minLatencyMs: Infinity,
    lastMessageMs: 0,
  }
  readonly #loop = monitorEventLoopDelay({ resolution: 10 })
  #cpuAtBegin = process.cpuUsage()
  #beganAt = 0

  constructor({ ports, everyMs, awayMs }: LoadSettings) {
    this.#around = { ports, everyMs, awayMs, isCutting: false, samples: this.#samples }
  }

  async connect({ dialect, ports, first, clients, roomSize }: LoadSettings): Promise<void> {
    const deadline = now() + JOIN_TIMEOUT_MS
    const joinedAll = async (count: number): Promise<void> => {
      while (this.#clients.filter(({ joinedAt }) => joinedAt !== undefined).length < count) {
        if (now() > deadline) throw new Error(`Not all clients have joined within ${JOIN_TIMEOUT_MS / 1000} s.`)
        await delay(5)
      }
    }
    for (let n = first; n < first + clients; n++) {
      const rooms = roomsOf(n, roomSize)
      const client = new Client(new dialects[dialect](rooms), rooms, this.#around)
      client.connect(ports[n % ports.length]!)
      this.#clients.push(client)
      await joinedAll(this.#clients.length - PARALLEL)
    }
    await joinedAll(clients)
  }

  begin(): void {
    this.#beganAt = now()
    this.#cpuAtBegin = process.cpuUsage()
    this.#loop.enable()
    for (const client of this.#clients) client.begin()
  }

  cut(isOn: boolean): void {
    this.#around.isCutting = isOn
    if (isOn) for (const client of this.#clients) client.startCutting()
  }

  setPorts(ports: readonly number[]): void {
    this.#around.ports = ports
  }

  async finish(published: number): Promise<LoadReport> {
    const { user, system } = process.cpuUsage(this.#cpuAtBegin)
    const busy = (user + system) / 1000 / (now() - this.#beganAt)
    this.#loop.disable()
    const finishedAt = now()
    const silenceMs = this.#clients.map((client) => client.silenceUntil(finishedAt))
    const neverBack = (): number => this.#clients.filter(({ isConnected }) => !isConnected).length
    while (neverBack() > 0 && now() < finishedAt + RETURN_TIMEOUT_MS) await delay(50)
    while (now() < Math.max(this.#samples.lastMessageMs, finishedAt) + QUIET_MS) await delay(50)
    for (const client of this.#clients) client.finish()
    const ledgers = this.#clients.flatMap((client) => [...client.ledgers.values()])
    const report: LoadReport = {
      clients: this.#clients.length,
      counts: sum(ledgers.map((ledger) => ledger.counts(published))),
      highest: Math.max(...ledgers.map(({ highest }) => highest)),
      joinedAtMs: Math.max(...this.#clients.map(({ joinedAt = Infinity }) => joinedAt)),
      catchUpMs: this.#samples.catchUpMs,
      openMs: this.#samples.openMs,
      awayMs: this.#samples.awayMs,
      silenceMs,
      returns: this.#samples.returns,
      cutClients: this.#clients.filter(({ hasBeenCut }) => hasBeenCut).length,
      neverBack: neverBack(),
      ignored: this.#clients.reduce((total, { ignored }) => total + ignored, 0),
      minLatencyMs: this.#samples.minLatencyMs,
      busy,
      loopDelayP99Ms: this.#loop.percentile(99) / 1e6,
    }
    for (const client of this.#clients) client.leave()
    return report
  }
}

let load: Load | undefined

async function perform(order: LoadOrder): Promise<LoadAnswer> {
  if (order.do === 'connect') {
    load = new Load(order.settings)
    await load.connect(order.settings)
  } else if (order.do === 'begin') load!.begin()
  else if (order.do === 'cut') load!.cut(order.isOn)
  else if (order.do === 'ports') load!.setPorts(order.ports)
  else return { report: await load!.finish(order.published) }
  return { done: true }
}

function answer(id: number, content: LoadAnswer): void {
  process.send!({ id, ...content })
}

process.on('message', (order: LoadOrder & { readonly id: number }) => {
  void perform(order).then(
    (content) => answer(order.id, content),
    (error: Error) => answer(order.id, { failed: error.message }),
  )
})
process.once('disconnect', () => process.exit(0))
answer(0, { done: true })
