import {
  connect,
  TidewaySocket,
  type ClientEvents,
  type ClientOptions,
  type ConnectionState,
  type TidewayClient,
  type WebSocketConstructor,
} from '@tideway/client'
import type { Command, Report } from './arena.ts'

/** What a scenario is given. It runs in Node and, bundled, in a page: so it uses nothing of either. */
export interface Kit {
  readonly url: string
  readonly WebSocket?: WebSocketConstructor
  control(command: Command): Promise<Report>
}

interface Numbered {
  readonly n: number
}

/** Small waits, so that the faults of a second are many. */
const quick = {
  backoff: { baseMs: 10, capMs: 80 },
  restartSpreadMs: 50,
  connectTimeoutMs: 400,
  minUptimeMs: 0,
} as const satisfies ClientOptions

/** Only where it is what is tested: under load an answer may take longer, and a connection that lives is given up. */
const quickHeartbeat = { heartbeat: { intervalMs: 60, timeoutMs: 60 } } as const satisfies ClientOptions

function assert(holds: boolean, message: string): asserts holds {
  if (!holds) throw new Error(message)
}

function assertEqual(actual: unknown, expected: unknown): void {
  assert(
    JSON.stringify(actual) === JSON.stringify(expected),
    `${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`,
  )
}

function make<Out = unknown, In = unknown>(kit: Kit, options: ClientOptions<Out, In> = {}): TidewayClient<Out, In> {
  return connect<Out, In>(kit.url, { ...quick, ...(kit.WebSocket && { WebSocket: kit.WebSocket }), ...options })
}

/** The next event of the name. */
function next<Name extends keyof ClientEvents<unknown>>(
  client: TidewayClient,
  name: Name,
): Promise<ClientEvents<unknown>[Name]> {
  return new Promise((resolve) => {
    const off = client.on(name, (detail) => {
      off()
      resolve(detail)
    })
  })
}

async function whenOpen(client: TidewayClient): Promise<void> {
  if (client.state.status !== 'open') await next(client, 'open')
}

/** Sends `count` requests that are repeated until they are answered, in bursts. */
async function sendAll(client: TidewayClient, count: number): Promise<Numbered[]> {
  const answers: Promise<Numbered>[] = []
  for (let n = 0; n < count; n++) {
    answers.push(client.request<Numbered>({ n }, { retry: true, timeoutMs: 60_000 }))
    if (n % 4 === 3) await new Promise((resolve) => setTimeout(resolve, 4))
  }
  return Promise.all(answers)
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

async function surviving(kit: Kit, fault: Command['do']): Promise<void> {
  const client = make(kit, quickHeartbeat)
  await whenOpen(client)
  // Repeated if need be: a heartbeat this quick gives up a connection that lives when the machine is busy.
  await sendAll(client, 1)
  await whenOpen(client)
  const lost = next(client, 'reconnecting')
  await kit.control({ do: fault } as Command)
  const answers = sendAll(client, 20)
  await lost
  await kit.control({ do: 'heal' })
  assertEqual(
    (await answers).map(({ n }) => n),
    upTo(20),
  )
  const report = await kit.control({ do: 'report' })
  assertEqual(report.handled, [0, ...upTo(20)])
  client.close()
}

/** One seeded schedule of faults: every request is handled once, in order, and each wait is within the back-off. */
export async function surviveSchedule(kit: Kit, seed: number): Promise<void> {
  const client = make(kit, quickHeartbeat)
  const waits: number[] = []
  client.on('reconnecting', ({ retryAt }) => waits.push(retryAt - Date.now()))
  const faults = kit.control({ do: 'fault-schedule', seed })
  const answers = await sendAll(client, 40)
  await faults
  assertEqual(
    answers.map(({ n }) => n),
    upTo(40),
  )
  assertEqual((await kit.control({ do: 'report' })).handled, upTo(40))
  assert(
    waits.every((wait) => wait <= quick.backoff.capMs),
    `waits of ${waits.join(', ')} ms`,
  )
  // Whatever the last fault left behind, the client gets over it.
  await whenOpen(client)
  client.close()
}

/** The same scenarios for every runtime. Each fails by throwing. */
export const scenarios: Readonly<Record<string, (kit: Kit) => Promise<void>>> = {
  'echoes messages in order': async (kit) => {
    const client = make<Numbered, Numbered>(kit)
    for (let n = 0; n < 100; n++) client.send({ n })
    const seen: number[] = []
    for await (const { n } of client) {
      seen.push(n)
      if (seen.length === 100) break
    }
    assertEqual(seen, upTo(100))
    client.close()
  },

  'reconnects after a closed connection without losing or repeating a message': (kit) => surviving(kit, 'cut'),
  'reconnects after a reset without losing or repeating a message': (kit) => surviving(kit, 'reset'),
  'detects a half-open connection with the heartbeat': (kit) => surviving(kit, 'half-open'),
  'detects a stalled connection with the heartbeat': (kit) => surviving(kit, 'stall'),

  'queues messages while the server is down, and delivers them in order after the reconnect': async (kit) => {
    const client = make(kit)
    await whenOpen(client)
    const lost = next(client, 'reconnecting')
    await kit.control({ do: 'stop-server' })
    await lost
    const answers = sendAll(client, 10)
    await next(client, 'error')
    await kit.control({ do: 'start-server' })
    await answers
    assertEqual((await kit.control({ do: 'report' })).handled, upTo(10))
    client.close()
  },

  'reconnects after a server drains with 1012': async (kit) => {
    const client = make(kit)
    await whenOpen(client)
    const lost = next(client, 'reconnecting')
    await kit.control({ do: 'close', code: 1012, reason: 'restart spread=20' })
    const { code, retryAt } = await lost
    assert(code === 1012 && retryAt - Date.now() <= 20, `${code}, ${retryAt - Date.now()} ms`)
    assertEqual((await sendAll(client, 3)).length, 3)
    client.close()
  },

  'closes permanently after 4401, with the reason in the state': async (kit) => {
    const client = make(kit)
    await whenOpen(client)
    const closed = next(client, 'closed')
    await kit.control({ do: 'close', code: 4401, reason: 'log in' })
    assertEqual(await closed, {
      status: 'closed',
      why: 'stopped',
      code: 4401,
      reason: 'log in',
    } satisfies ConnectionState)
  },

  'calls the token function again for an expired token': async (kit) => {
    let tokens = 0
    const client = make(kit, { token: async () => `token${++tokens}` })
    await whenOpen(client)
    await client.request({ n: 0 })
    // One turn more than the minimum uptime of 0.
    await new Promise((resolve) => setTimeout(resolve, 10))
    const lost = next(client, 'reconnecting')
    await kit.control({ do: 'close', code: 4401, reason: 'expired' })
    await lost
    await whenOpen(client)
    assertEqual((await kit.control({ do: 'report' })).tokens, ['token1', 'token2'])
    client.close()
  },

  'emits an error for an invalid message, and the next valid message arrives': async (kit) => {
    const client = make(kit, { maxMessageBytes: 100_000 })
    const codes: string[] = []
    client.on('error', ({ code }) => codes.push(code))
    await whenOpen(client)
    const message = next(client, 'message')
    await kit.control({ do: 'say', text: 'no JSON' })
    await kit.control({ do: 'say', text: JSON.stringify('x'.repeat(1_000_000)) })
    await kit.control({ do: 'say', text: '{"fine":true}' })
    assertEqual(await message, { fine: true })
    assertEqual(codes, ['ERR_BAD_MESSAGE', 'ERR_MESSAGE_TOO_LARGE'])
    client.close()
  },

  'sends a megabyte through the bounded send buffer in order': async (kit) => {
    const client = make<{ n: number; padding: string }, Numbered>(kit, {
      maxBufferedBytes: 50_000,
      outbox: { maxBytes: 2_000_000 },
    })
    const padding = 'x'.repeat(20_000)
    for (let n = 0; n < 50; n++) client.send({ n, padding })
    const seen: number[] = []
    for await (const { n } of client) {
      seen.push(n)
      if (seen.length === 50) break
    }
    assertEqual(seen, upTo(50))
    client.close()
  },

  'TidewaySocket sends texts and bytes, reopens after a loss, and closes once': async (kit) => {
    const socket = new TidewaySocket(kit.url, [], {
      ...quick,
      ...(kit.WebSocket && { WebSocket: kit.WebSocket }),
    })
    socket.binaryType = 'arraybuffer'
    const heard = (type: string): Promise<MessageEvent & CloseEvent> =>
      new Promise((resolve) => {
        socket.addEventListener(type, (event) => resolve(event as MessageEvent & CloseEvent), { once: true })
      })
    socket.send('early')
    assertEqual((await heard('message')).data, 'early')
    const open = heard('open')
    await kit.control({ do: 'cut' })
    await open
    socket.send(new Uint8Array([1, 2, 3]))
    const { data } = await heard('message')
    assertEqual([...new Uint8Array(data as ArrayBuffer)], [1, 2, 3])
    const closed = heard('close')
    socket.close(3000, 'bye')
    const { code, reason } = await closed
    assertEqual([code, reason, socket.readyState], [3000, 'bye', 3])
  },
}
