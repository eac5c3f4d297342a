import { afterAll, beforeAll, expect, it } from 'vitest'

import { MemoryEventLog, type Clock } from 'tideway/layer/kit'
import { seededRandom } from 'tideway/testing'

import { describeWith } from '../../../../test/setup/describe-with.ts'
import { patiently } from '../../../../test/setup/patiently.ts'
import { RedisServer } from '../redis-server.ts'
import type { ArrayLogState, Expiring } from './array-log.ts'
import { logOf, type LayerLog } from './log-layers.ts'
import { ModelledLog, TTL, type Event, type SincePosition } from './modelled-log.ts'

/** The first seed, and the number of seeds. TIDEWAY_MODEL_SEEDS changes the number, and TIDEWAY_MODEL_SEED the first one. */
const SEEDS = Number(process.env['TIDEWAY_MODEL_SEEDS'] ?? 40)
const FIRST = Number(process.env['TIDEWAY_MODEL_SEED'] ?? 0)
const OPERATIONS = 60

/** A clock whose time the test sets. */
class SetClock implements Clock {
  #now = 0
  #timers: { readonly at: number; readonly callback: () => void }[] = []
  readonly random = (): number => 0

  now(): number {
    return this.#now
  }

  after(ms: number, callback: () => void): () => void {
    const timer = { at: this.#now + ms, callback }
    this.#timers.push(timer)
    return () => void this.#timers.splice(this.#timers.indexOf(timer), 1)
  }

  pass(ms: number): void {
    this.#now += ms
    for (const { callback } of this.#timers.splice(0)) callback()
  }
}

/** The keys of a group in Redis, and what happens to them. */
class GroupKeys {
  readonly #server: RedisServer
  readonly #prefix: string
  readonly #group: string
  #losses = 0

  constructor(server: RedisServer, prefix: string, group: string) {
    this.#server = server
    this.#prefix = `${prefix}:tideway:`
    this.#group = group
  }

  /** @param isEvicted whether the keys of the head go alone, and leave the entries */
  async expire(what: Expiring, isEvicted: boolean): Promise<void> {
    const keys = [...(await this.#keys('once'))]
    if (what === 'entries' || (what === 'head' && !isEvicted)) keys.push(this.#key('log'))
    if (what === 'head') keys.push(this.#key('head'))
    if (keys.length > 0) await this.#server.client.del(keys)
  }

  /** What a snapshot of Redis has. */
  async save(): Promise<ReadonlyMap<string, Buffer>> {
    const keys = await this.#keys('*')
    const dumps = await Promise.all(keys.map((key) => this.#server.client.dumpBuffer(key)))
    return new Map(keys.map((key, index) => [key, dumps[index]!]))
  }

  /** Restarts Redis from the snapshot, for this group. */
  async restore(saved: ReadonlyMap<string, Buffer>): Promise<void> {
    const { client } = this.#server
    const keys = await this.#keys('*')
    if (keys.length > 0) await client.del(keys)
    await Promise.all([...saved].map(([key, dump]) => client.restore(key, 0, dump)))
    await this.changeReplicationId()
  }

  /** A failover that has lost nothing. */
  async changeReplicationId(): Promise<void> {
    const head = this.#key('head')
    if ((await this.#server.client.exists(head)) === 1) {
      await this.#server.client.hset(head, 'r', `another ${this.#losses++}`)
    }
  }

  #key(kind: string): string {
    return `${this.#prefix}${kind}:{${this.#group}}`
  }

  #keys(kind: string): Promise<string[]> {
    return this.#server.client.keys(`${this.#key(kind)}*`)
  }
}

describeWith(['redis'], 'the event logs in memory and in Redis', () => {
  let server: RedisServer
  let redis: LayerLog

  beforeAll(async () => {
    // Redis trims in steps of this number of entries.
    server = await RedisServer.start('--stream-node-max-entries', '7')
    redis = logOf('RedisPubSubChannelLayer', { hosts: [server.url], prefix: 'model' })
    await redis.layer.ready()
  })
  afterAll(async () => {
    await redis.layer.close()
    await server.stop()
  })

  async function run(seed: number): Promise<void> {
    const random = seededRandom(seed)
    const below = (limit: number): number => Math.floor(random() * limit)
    const of = <T>(choices: readonly T[]): T => choices[below(choices.length)]!
    const clock = new SetClock()
    const group = `seed${seed}`
    const inMemory = await ModelledLog.watched(new MemoryEventLog(clock), group)
    const inRedis = await ModelledLog.watched(redis, group)
    const both = [inMemory, inRedis]
    const keys = new GroupKeys(server, 'model', group)
    let saved: { readonly data: ReadonlyMap<string, Buffer>; readonly state: ArrayLogState } | undefined
    let events = 0

    const newEvents = (): Event[] =>
      Array.from({ length: of([1, 1, 3, 40]) }, () => ({
        body: `${events++} ${'é'.repeat(below(20))}`,
        id: of([undefined, undefined, `id${below(8)}`]),
        isVolatile: below(8) === 0,
      }))
    const newSince = (): SincePosition => {
      const [kind, part, back, isForeign] = [below(8), random(), of([0, 0, 1, 2, 9]), below(12) === 0]
      return ({ top, first, epochs }) => ({
        epoch: isForeign ? '0' : `${Math.max(0, epochs - back)}`,
        offset: Math.max(0, [top, top + 1, first - 1, first - 2, 0][kind] ?? Math.floor(part * (top + 1))),
      })
    }

    const operations: Record<string, () => Promise<unknown>> = {
      append: async () => {
        const appended = newEvents()
        await Promise.all(both.map((log) => log.appendAll(appended)))
      },
      read: async () => {
        const since = below(4) === 0 ? undefined : newSince()
        const options = { last: of([0, 1, 5, 1000]), maxEntries: of([1, 9, 1000]), maxBytes: of([1, 200, 1e6, 1e6]) }
        await Promise.all(both.map((log) => log.read(since, options)))
      },
      expire: async () => {
        const what = of<Expiring>(['ids', 'entries', 'entries', 'head'])
        clock.pass(TTL[what])
        await keys.expire(what, below(2) === 0)
        for (const { model } of both) model.expire(what)
      },
      // Memory has no failover, and no snapshot.
      failover: async () => {
        await keys.changeReplicationId()
        inRedis.model.lose()
      },
      save: async () => {
        saved = { data: await keys.save(), state: inRedis.model.state }
      },
      restore: async () => {
        if (saved === undefined) return
        await keys.restore(saved.data)
        inRedis.model.lose(saved.state)
      },
    }
    const names = [
      'append',
      'append',
      'append',
      'append',
      'read',
      'read',
      'read',
      'read',
      'read',
      ...Object.keys(operations),
    ]
    const done: string[] = []
    try {
      for (let i = 0; i < OPERATIONS; i++) {
        done.push(of(names))
        await operations[done.at(-1)!]!()
      }
      for (const log of both) await patiently(() => log.checkReceived())
    } catch (error) {
      const how = `Repeat it with TIDEWAY_MODEL_SEED=${seed} TIDEWAY_MODEL_SEEDS=1`
      throw new Error(`${how}. In the run: ${done.join(', ')}`, { cause: error })
    } finally {
      redis.unwatch(group)
    }
  }

  it(
    `answer and send as the array of their entries does (${SEEDS} seeds)`,
    { timeout: 60_000 + 2000 * SEEDS },
    async () => {
      for (let seed = FIRST; seed < FIRST + SEEDS; seed++) await run(seed)
      expect(SEEDS).toBeGreaterThan(0)
    },
  )
})
