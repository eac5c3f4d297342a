import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { RedisPubSubChannelLayer, type RedisHost, type RedisPubSubChannelLayerOptions } from '@tideway/redis'
import { expectContiguous } from 'tideway/testing'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { FollowingClient } from './following-client.ts'
import { compileProgram } from '../setup/compiled.ts'

const SERVER = compileProgram(new URL('fixture/server.ts', import.meta.url))
const PROCESSES = 3
const CLIENTS = 60
const EVERY_MS = 5
const HISTORY = { size: 10_000, ttlMs: 600_000 }

/** What the clients of a fleet have received: every client once and in order, which the fleet checks. */
export interface Outcome {
  readonly published: number
  readonly deliveries: number
  /** Deliveries that a client missed without being told. */
  readonly lost: number
  /** How often a client was told that its position is lost. */
  readonly told: number
}

/** Three server processes on one Redis, clients that reconnect by themselves, and a publisher that repeats what it is unsure of. */
export class Fleet {
  readonly #options: RedisPubSubChannelLayerOptions
  /** How many replicas must have an event before the publisher sends the next one. */
  readonly #replicas: number
  readonly #servers: (RunningProgram | undefined)[] = []
  readonly #ports: number[] = []

  private constructor(host: RedisHost, replicas: number) {
    this.#options = { hosts: [host], heartbeatIntervalMs: 500, maxReconnectDelayMs: 100 }
    this.#replicas = replicas
  }

  static async start(host: RedisHost, replicas = 0): Promise<Fleet> {
    const fleet = new Fleet(host, replicas)
    await Promise.all(Array.from({ length: PROCESSES }, (_, index) => fleet.startServer(index)))
    return fleet
  }

  async startServer(index: number): Promise<void> {
    const args = [SERVER, JSON.stringify(this.#options)]
    const server = await startProgram(process.execPath, args, { ready: /port (\d+)/ })
    this.#servers[index] = server
    this.#ports[index] = Number(server.readyMatch![1])
  }

  signal(index: number, signal: NodeJS.Signals): void {
    const server = this.#servers[index]
    if (server !== undefined) process.kill(server.pid, signal)
  }

  /** Kills a server, and starts it again. */
  async replace(index: number): Promise<void> {
    const server = this.#servers[index]!
    this.signal(index, 'SIGKILL')
    await server.exited
    await this.startServer(index)
  }

  async stop(): Promise<void> {
    await Promise.all(this.#servers.map((server) => server?.stop()))
  }

  /** Publishes while the fault happens, waits until all clients have what they can get, and counts. */
  async during(fault: () => Promise<void>): Promise<Outcome> {
    const layer = new RedisPubSubChannelLayer(this.#options)
    await layer.ready()
    const clients = Array.from(
      { length: CLIENTS },
      () => new FollowingClient(() => this.#ports[Math.floor(Math.random() * PROCESSES)]!),
    )
    const running = clients.map((client) => client.run())
    try {
      await until(() => clients.every(({ position }) => position !== undefined))
      const over = new AbortController()
      let n = 0
      const publishing = (async () => {
        while (!over.signal.aborted) {
          await publish(layer, ++n, this.#replicas)
          await delay(EVERY_MS)
        }
      })()
      try {
        await fault()
        await delay(300)
      } finally {
        over.abort()
        await publishing
      }
      // One more event shows a client whose events Redis has lost that they are.
      await publish(layer, ++n, this.#replicas)
      const { top } = await layer.keptGroups.history('room', { last: 1 })
      const end = `${top.epoch}:${top.offset}`
      await until(() => clients.every(({ position }) => position === end))
      const { events, resets } = expectContiguous(...clients.map(({ received }) => received))
      return {
        published: n,
        deliveries: events,
        // All numbers from the first one after the last reset.
        lost: clients.reduce((lost, { numbers }) => lost + n - (numbers[0] ?? n + 1) + 1 - numbers.length, 0),
        // Each client begins without a position.
        told: resets - clients.length,
      }
    } finally {
      for (const client of clients) client.leave()
      await Promise.all(running)
      await layer.close()
    }
  }
}

/** Repeats the event with its id until the outcome is known, and the replicas have it. */
export async function publish(layer: RedisPubSubChannelLayer, n: number, wanted = 0): Promise<void> {
  const options = { id: randomUUID(), replicas: wanted }
  for (;;) {
    try {
      const body = JSON.stringify({ e: 'tick', d: { n } })
      const { replicas = 0 } = await layer.keptGroups.publish('room', body, HISTORY, options)
      if (replicas >= wanted) return
    } catch (error) {
      if ((error as { code?: string }).code !== 'ERR_LAYER_UNAVAILABLE') throw error
    }
    await delay(20)
  }
}

async function until(isTrue: () => boolean): Promise<void> {
  const end = performance.now() + 60_000
  while (!isTrue()) {
    if (performance.now() > end) throw new Error('The clients did not get to the end of the log within 60 s.')
    await delay(20)
  }
}
