import { setTimeout as delay } from 'node:timers/promises'
import { connectLive, type LiveClient } from '@tideway/client/live'
import { defineApplication, InMemoryChannelLayer, originValidator } from 'tideway'
import { presenceLogOf } from 'tideway/layer/kit'
import { serve } from 'tideway/server'
import { FaultProxy } from 'tideway/testing'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { logOf, type LayerLog } from '../../packages/redis/test/log/log-layers.ts'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { startProgram, type RunningProgram } from '../setup/child-process.ts'
import { describeWith } from '../setup/describe-with.ts'
import { compileProgram } from '../setup/compiled.ts'
import { patiently } from '../setup/patiently.ts'
import { crowd, CrowdConsumer } from './fixture/presence-room.ts'

/** The number of rounds with a killed process. */
const ROUNDS = Number(process.env['TIDEWAY_PRESENCE_ROUNDS'] ?? 1)

const PEOPLE = 50
/** The people who join at the same time. */
const JOINS = 200
const TABS = 3
const presence = { beatMs: 400, leaseMs: 2500, graceMs: 400, diffMs: 20 }

/**
 * People with an even number have all tabs on the process that is killed, and half of them return to the other one. The others have one tab there.
 */
const people = Array.from({ length: PEOPLE }, (_, number) => ({
  key: `person-${number}`,
  dying: number % 2 === 0 ? TABS : TABS - 1,
  returns: number % 4 === 0,
  leaves: number % 4 === 2,
}))
const away = people.flatMap(({ key, leaves }) => (leaves ? [key] : [])).toSorted()
const staying = people.flatMap(({ key, leaves }) => (leaves ? [] : [key])).toSorted()

type Client = LiveClient<typeof CrowdConsumer>

function connect(url: string | (() => string)): Client {
  return connectLive<typeof CrowdConsumer>(url, { WebSocket, backoff: { baseMs: 50, capMs: 100 } })
}

/** Joins the room. Resolves when the client is in it. */
async function enter(client: Client, id: string): Promise<void> {
  const group = client.join('crowd', id)
  await patiently(() => expect(group.state).toBe('live'))
}

/** The people whom a client sees, and the keys of those who have vanished from its list, in their order. */
function watch(client: Client, id: string): { now(): string[]; readonly vanished: string[] } {
  const vanished: string[] = []
  let now: string[] = []
  client.join('crowd', id).on('presence', (seen) => {
    vanished.push(...now.filter((key) => !seen.has(key)))
    now = [...seen.keys()]
  })
  return { now: () => now.toSorted(), vanished }
}

describeWith(['redis'], 'the people of two servers on one Redis', () => {
  let redis: RedisServer
  let log: LayerLog

  beforeAll(async () => {
    redis = await RedisServer.start()
    log = logOf('RedisPubSubChannelLayer', { hosts: [redis.url] })
  })
  afterAll(async () => {
    await log?.layer.close()
    await redis?.stop()
  })

  async function serving(options: object = presence): Promise<RunningProgram> {
    const file = compileProgram(new URL('fixture/presence-server.ts', import.meta.url))
    const args = [file, redis.url, JSON.stringify(options)]
    const program = await startProgram(process.execPath, args, { ready: /port (\d+)/ })
    onTestFinished(async () => void (await program.stop()))
    return program
  }

  /** The people who have left, by the log of changes. */
  async function leftInLog(id: string): Promise<string[]> {
    const limits = { last: 10_000, maxEntries: 10_000, maxBytes: 10_000_000, headTtlMs: 1000 }
    const { entries } = await log.read(presenceLogOf(crowd(id).name), limits)
    return entries.flatMap(({ body }) => (JSON.parse(body) as { readonly out?: string[] }).out ?? []).toSorted()
  }

  /** The people whose listeners the process has called. */
  function leftOn(program: RunningProgram, id: string): string[] {
    const lines = program.output().matchAll(/^left (\S+) (\S+)$/gm)
    return Array.from(lines, ([, group, key]) => (group === crowd(id).name ? key! : ''))
      .filter(Boolean)
      .toSorted()
  }

  async function killOne(dying: RunningProgram, surviving: RunningProgram, id: string) {
    const urlOf = ({ readyMatch }: RunningProgram): string => `ws://127.0.0.1:${readyMatch![1]}/`
    let isDead = false
    const watcher = connect(urlOf(surviving))
    const tabs = people.flatMap(({ key, dying: onDying, returns, leaves }) =>
      Array.from({ length: TABS }, (_, tab) => {
        const url = (program: RunningProgram): string => `${urlOf(program)}?person=${key}`
        const first = tab < onDying ? dying : surviving
        return { client: connect(() => url(isDead && returns ? surviving : first)), returns, leaves }
      }),
    )
    try {
      const seen = watch(watcher, id)
      await Promise.all(tabs.map(({ client }) => enter(client, id)))
      await patiently(() => expect(seen.now()).toHaveLength(PEOPLE))
      isDead = true
      process.kill(dying.pid, 'SIGKILL')
      await dying.exited
      for (const { client, leaves } of tabs) if (leaves) client.close()
      await Promise.all(tabs.map(({ client, returns }) => returns && enter(client, id)))
      await patiently(() => expect(seen.now()).toEqual(staying))
      // A second removal would come with the next beats.
      await delay(2 * presence.beatMs)
      const [onSurvivor, inLog] = [leftOn(surviving, id), await leftInLog(id)]
      process.stdout.write(
        `presence, ${id}: of ${PEOPLE} people, ${away.length} stay away; ${onSurvivor.length} left, ` +
          `${inLog.length} in the log, ${seen.vanished.length} seen by a client\n`,
      )
      return { onSurvivor, inLog, seen: seen.vanished.toSorted(), present: seen.now() }
    } finally {
      watcher.close()
      for (const { client } of tabs) client.close()
    }
  }

  it(
    `leave once if their process is killed and they stay away, and never if they return to the other one (${ROUNDS} rounds)`,
    { timeout: 60_000 + 60_000 * ROUNDS },
    async () => {
      let [dying, surviving] = await Promise.all([serving(), serving()])
      for (let round = 1; round <= ROUNDS; round++) {
        const outcome = await killOne(dying, surviving, `round-${round}`)
        expect(outcome).toEqual({ onSurvivor: away, inLog: away, seen: away, present: staying })
        if (round < ROUNDS) [dying, surviving] = [surviving, await serving()]
      }
    },
  )

  it('give each client at most one change per diffMs while many people join', async () => {
    const diffMs = 500
    const servers = await Promise.all([1, 2].map(() => serving({ ...presence, diffMs })))
    const urlOf = (index: number): string => `ws://127.0.0.1:${servers[index % 2]!.readyMatch![1]}/`
    const clients = [0, 1].map((index) => connect(urlOf(index)))
    onTestFinished(() => clients.forEach((client) => client.close()))
    const watching = clients.map((client) => {
      const seen = { changes: 0, count: 0 }
      client.join('crowd', 'storm').on('presence', ({ count }) => {
        seen.changes++
        seen.count = count
      })
      return seen
    })
    await Promise.all(clients.map((client) => enter(client, 'storm')))
    for (const seen of watching) seen.changes = 0
    const startedAt = performance.now()
    const joining = Array.from({ length: JOINS }, (_, index) => connect(`${urlOf(index)}?person=p${index}`))
    onTestFinished(() => joining.forEach((client) => client.close()))
    for (const client of joining) client.join('crowd', 'storm', { who: false })
    await patiently(() => expect(watching.map(({ count }) => count)).toEqual([JOINS, JOINS]))
    const most = (performance.now() - startedAt) / diffMs + 2
    for (const { changes } of watching) expect(changes).toBeLessThanOrEqual(most)
  })
})

describe('a client whose network is gone', () => {
  it('is present until its ping times out, and leaves then', async () => {
    const layer = new InMemoryChannelLayer({ keptGroups: { presence: { graceMs: 50, diffMs: 5 } } })
    const websocket = originValidator(CrowdConsumer.asApplication(), ['*'])
    const application = defineApplication({ channelLayers: { default: layer }, websocket })
    const server = await serve(application, { port: 0, pingIntervalMs: 300, pingTimeoutMs: 1500 })
    onTestFinished(() => server.close(0))
    const proxy = await FaultProxy.start(server.port)
    onTestFinished(() => proxy.stop())
    const [anna, watcher] = [connect(`ws://127.0.0.1:${proxy.port}/?person=anna`), connect(server.url)]
    try {
      /** The number of people at each change, and of connections whose ping had timed out by then. */
      const seen: [people: number, timeouts: number][] = []
      watcher.join('crowd', 'lobby').on('presence', ({ count }) => {
        seen.push([count, server.stats().webSockets.pings.timeouts])
      })
      await enter(anna, 'lobby')
      await patiently(() => expect(seen.at(-1)).toEqual([1, 0]))
      proxy.stall()
      await patiently(() =>
        expect(seen.slice(-2)).toEqual([
          [1, 0],
          [0, 1],
        ]),
      )
    } finally {
      anna.close()
      watcher.close()
    }
  })
})
