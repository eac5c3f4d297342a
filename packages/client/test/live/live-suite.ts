import type { WebSocketConstructor } from '@tideway/client'
import { connectLive, type LiveClient, type JoinOptions, type LiveGroup, type LiveOptions } from '@tideway/client/live'
import type { LiveCommand, LiveReport, RoomConsumer } from './live-arena.ts'

/** The input of a scenario. It runs in Node and, bundled, in a page: so it uses nothing of either. */
export interface LiveKit {
  readonly url: string
  readonly WebSocket?: WebSocketConstructor
  /** All but WebSockets: those of the `WebSocket` class, or of the global one. */
  readonly transports?: readonly ('stream' | 'poll')[]
  control(command: LiveCommand): Promise<LiveReport>
}

type Client = LiveClient<typeof RoomConsumer>
type Room = LiveGroup<(typeof RoomConsumer)['groups']['room']['events']>

/** Small waits, so that the faults of a second are many. */
const quick = {
  backoff: { baseMs: 10, capMs: 80 },
  restartSpreadMs: 50,
  connectTimeoutMs: 400,
  minUptimeMs: 0,
  heartbeat: false,
} as const satisfies LiveOptions

/** Long enough that a busy machine answers in time: otherwise the client gives up connections that live, and makes more work. */
const quickHeartbeat = {
  connectTimeoutMs: 1_500,
  heartbeat: { intervalMs: 80, timeoutMs: 300 },
} as const satisfies LiveOptions

function assertEqual(actual: unknown, expected: unknown): void {
  const [one, other] = [JSON.stringify(actual), JSON.stringify(expected)]
  if (one !== other) throw new Error(`${one} is not ${other}`)
}

const ascending = (numbers: readonly number[]): number[] => numbers.toSorted((one, other) => one - other)

function make(kit: LiveKit, options: LiveOptions = {}): Client {
  return connectLive<typeof RoomConsumer>(kit.url, {
    ...quick,
    ...(kit.WebSocket && { WebSocket: kit.WebSocket }),
    ...(kit.transports && { transports: kit.transports }),
    ...options,
  })
}

/** A client in the lobby, with everything that it receives. */
export class Visitor {
  readonly client: Client
  readonly lobby: Room
  readonly numbers: number[] = []
  readonly changes: string[] = []

  constructor(kit: LiveKit, options?: LiveOptions, join?: JoinOptions) {
    this.client = make(kit, options)
    this.lobby = this.client.join('room', 'lobby', { last: 1_000, ...join })
    this.lobby.on('said', ({ n }) => this.numbers.push(n))
    this.lobby.on('reset', ({ why }) => this.changes.push(why))
    this.lobby.on('state', (state) => this.changes.push(state))
  }

  /** Resolves when the group has everything up to the position. */
  async reaches(position: string | undefined): Promise<void> {
    while (this.lobby.state !== 'live' || this.lobby.position !== position)
      await new Promise((resolve) => setTimeout(resolve, 5))
  }

  async isLive(): Promise<void> {
    while (this.lobby.state !== 'live') await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

async function checkComplete(kit: LiveKit, visitor: Visitor): Promise<LiveReport> {
  const report = await kit.control({ do: 'report' })
  await visitor.reaches(report.top)
  assertEqual(visitor.numbers, report.numbers)
  assertEqual(visitor.client.gaps, 0)
  return report
}

async function surviving(
  kit: LiveKit,
  fault: 'cut' | 'reset' | 'half-open' | 'kill-server' | 'stop-server',
): Promise<void> {
  const visitor = new Visitor(kit, quickHeartbeat)
  await kit.control({ do: 'publish', from: 0, count: 3 })
  await visitor.isLive()
  const lost = new Promise<void>((resolve) => void visitor.client.on('reconnecting', () => resolve()))
  await kit.control({ do: fault })
  const answers = [100, 101, 102].map((n) => visitor.client.request('say', { n }, { timeoutMs: 60_000 }))
  // Over HTTP the next request may heal the connection without an interruption.
  if (!kit.transports) await lost
  await kit.control({ do: 'publish', from: 10, count: 5 })
  if (fault.endsWith('server')) await kit.control({ do: 'start-server' })
  await Promise.all(answers)
  await kit.control({ do: 'publish', from: 20, count: 2 })
  const { numbers } = await checkComplete(kit, visitor)
  // Each once, also those that were sent twice. A repeated one waits for its first run, and later ones do not.
  assertEqual(ascending(numbers.filter((n) => n >= 100)), [100, 101, 102])
  assertEqual(numbers.length, 13)
  visitor.client.close()
}

/**
 * One seeded schedule of faults: every event arrives once and in order, and every request is one event. Returns the number of
 * interruptions.
 */
export async function surviveLiveSchedule(kit: LiveKit, seed: number): Promise<number> {
  const visitor = new Visitor(kit, quickHeartbeat)
  await kit.control({ do: 'publish', from: 500, count: 3 })
  await visitor.isLive()
  const faults = kit.control({ do: 'fault-schedule', seed })
  const answers: Promise<unknown>[] = []
  for (let n = 0; n < 20; n++) {
    answers.push(visitor.client.request('say', { n }, { timeoutMs: 60_000 }))
    await new Promise((resolve) => setTimeout(resolve, n % 4 === 3 ? 20 : 2))
  }
  await Promise.all(answers)
  await faults
  const { numbers } = await checkComplete(kit, visitor)
  assertEqual(
    ascending(numbers.filter((n) => n < 20)),
    Array.from({ length: 20 }, (_, n) => n),
  )
  const interruptions = visitor.changes.filter((change) => change === 'joining')
  assertEqual(
    visitor.changes.filter((change) => !['joining', 'replaying', 'live'].includes(change)),
    [],
  )
  visitor.client.close()
  return interruptions.length
}

/** The same scenarios for every runtime. Each fails by throwing. */
export const liveScenarios: Readonly<Record<string, (kit: LiveKit) => Promise<void>>> = {
  'gets the newest events of a group, and then what is published': async (kit) => {
    await kit.control({ do: 'publish', from: 0, count: 5 })
    const client = make(kit)
    const group = client.join('room', 'lobby', { last: 2 })
    const seen: number[] = []
    for await (const { data } of group) {
      seen.push(data.n)
      if (seen.length === 2) await kit.control({ do: 'publish', from: 5, count: 1 })
      if (seen.length === 3) break
    }
    assertEqual(seen, [3, 4, 5])
    client.close()
  },

  'misses no event and repeats none after a closed connection': (kit) => surviving(kit, 'cut'),
  'misses no event and repeats none after a reset connection': (kit) => surviving(kit, 'reset'),
  'misses no event and repeats none after a half-open connection': (kit) => surviving(kit, 'half-open'),
  'misses no event and repeats none after a server that is killed': (kit) => surviving(kit, 'kill-server'),
  'misses no event and repeats none after a server that stops with 1012': (kit) => surviving(kit, 'stop-server'),

  'moves to another server without an interruption, with requests and events at the same time': async (kit) => {
    const visitor = new Visitor(kit)
    await visitor.isLive()
    const states: string[] = []
    visitor.client.on('state', ({ status }) => states.push(status))
    visitor.changes.length = 0
    const answers: Promise<unknown>[] = []
    await kit.control({ do: 'move' })
    for (let n = 0; n < 40; n++) {
      answers.push(visitor.client.request('say', { n }))
      await kit.control({ do: 'publish', from: 1_000 + n, count: 1 })
    }
    await Promise.all(answers)
    // The other server has the connection. Over HTTP, a browser may send more requests on the connections that it has.
    while (!kit.transports && (await kit.control({ do: 'report' })).connections === 0)
      await new Promise((resolve) => setTimeout(resolve, 20))
    await visitor.client.request('say', { n: 40 })
    const { numbers } = await checkComplete(kit, visitor)
    assertEqual(
      numbers.filter((n) => n < 1_000),
      Array.from({ length: 41 }, (_, n) => n),
    )
    assertEqual(
      [states.filter((status) => status !== 'open'), visitor.changes.filter((change) => change === 'joining')],
      [[], []],
    )
    visitor.client.close()
  },

  'gives the event of a request the id of the request, and the other client gets the same': async (kit) => {
    const [one, other] = [new Visitor(kit), new Visitor(kit)]
    const seen = [one, other].map(
      ({ lobby }) => new Promise((resolve) => void lobby.on('said', (_data, { id }) => resolve(id))),
    )
    await Promise.all([one.isLive(), other.isLive()])
    const request = one.client.request('say', { n: 1 })
    assertEqual(await Promise.all(seen), [`${request.id}:1`, `${request.id}:1`])
    assertEqual((await request).position, one.lobby.position)
    one.client.close()
    other.client.close()
  },

  'sends a volatile request, and its event has no position': async (kit) => {
    const visitor = new Visitor(kit)
    await visitor.isLive()
    const typed = new Promise(
      (resolve) => void visitor.lobby.on('typing', ({ n }, at) => resolve([n, at.position ?? 0])),
    )
    assertEqual(visitor.client.send('typing', { n: 7 }), true)
    // Volatile events between two polls are lost.
    const again = setInterval(() => visitor.client.send('typing', { n: 7 }), 20)
    assertEqual(await typed, [7, 0])
    clearInterval(again)
    visitor.client.close()
  },

  'is left with forbidden, and other groups stay': async (kit) => {
    const visitor = new Visitor(kit)
    const refused = visitor.client.join('room', 'forbidden')
    const { code } = await new Promise<{ code: string }>((resolve) => void refused.on('left', resolve))
    assertEqual([code, refused.state], ['forbidden', 'left'])
    await visitor.isLive()
    visitor.client.close()
  },

  'joins a group again directly after leaving it': async (kit) => {
    const client = make(kit)
    await kit.control({ do: 'publish', from: 0, count: 3 })
    for (let count = 0; count < 5; count++) {
      const group = client.join('room', 'lobby', { last: 3 })
      const seen: number[] = []
      for await (const { data } of group) {
        seen.push(data.n)
        if (seen.length === 3) break
      }
      assertEqual(seen, [0, 1, 2])
      group.leave()
    }
    client.close()
  },

  'has the error of a schema with its code': async (kit) => {
    const client = make(kit)
    const error = await client.request('say', { n: 'one' } as never).catch((reason: unknown) => reason)
    assertEqual((error as { serverCode?: string }).serverCode, 'bad_input')
    client.close()
  },
}
