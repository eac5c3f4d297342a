import { connectLive, type ConnectionState, type LiveOptions } from '@tideway/client/live'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import { LiveArena, type RoomConsumer } from './live-arena.ts'
import { NarrowProxy } from './narrow-proxy.ts'

const all = { WebSocket, transports: ['websocket', 'stream', 'poll'] } as const

interface Setup {
  readonly arena: LiveArena
  readonly proxy: NarrowProxy
  /** Starts a client that is in the lobby, behind the proxy. */
  start(options?: LiveOptions): Started
}

interface Started {
  readonly client: ReturnType<typeof connectLive<typeof RoomConsumer>>
  readonly numbers: number[]
  /** The states of the connection, as texts. */
  readonly states: string[]
}

async function setUp(): Promise<Setup> {
  const arena = await LiveArena.start()
  const proxy = await NarrowProxy.start(arena.proxy.port)
  onTestFinished(async () => {
    await proxy.stop()
    await arena.stop()
  })
  return {
    arena,
    proxy,
    start(options) {
      const client = connectLive<typeof RoomConsumer>(`http://127.0.0.1:${proxy.port}/`, {
        ...all,
        backoff: { baseMs: 10, capMs: 80 },
        lifecycleTarget: {},
        ...options,
      })
      onTestFinished(() => client.close())
      const started: Started = { client, numbers: [], states: [] }
      client.on('state', (state) => started.states.push(textOf(state)))
      client.join('room', 'lobby', { last: 100 }).on('said', ({ n }) => started.numbers.push(n))
      return started
    },
  }
}

function textOf(state: ConnectionState): string {
  if (state.status === 'open') return `open ${state.transport}`
  return state.status === 'reconnecting' || state.status === 'closed' ? `${state.status} ${state.code}` : state.status
}

const upTo = (count: number): number[] => Array.from({ length: count }, (_, n) => n)

describe('The transports of a live client', () => {
  it('are a WebSocket if it opens, and no HTTP request is sent', async () => {
    const { proxy, start, arena } = await setUp()
    proxy.passesUpgrades = true
    const { states, numbers } = start()
    await arena.control({ do: 'publish', from: 0, count: 2 })
    await expect.poll(() => numbers).toEqual([0, 1])
    expect([states, proxy.seen]).toEqual([['open websocket'], ['upgrade']])
  })

  it('are a stream in the same attempt if a proxy refuses the upgrade', async () => {
    const { arena, proxy, start } = await setUp()
    const { client, states, numbers } = start()
    await client.request('say', { n: 0 })
    await arena.control({ do: 'publish', from: 1, count: 1 })
    await expect.poll(() => numbers).toEqual([0, 1])
    expect(states).toEqual(['open stream'])
    expect(proxy.seen.slice(0, 2)).toEqual(['upgrade', 'text/event-stream'])
  })

  it('are polls if a proxy holds the stream back', async () => {
    const { arena, proxy, start } = await setUp()
    proxy.passesStreams = false
    const { client, states, numbers } = start({ connectTimeoutMs: 2_000 })
    await client.request('say', { n: 0 })
    await arena.control({ do: 'publish', from: 1, count: 1 })
    await client.request('say', { n: 2 })
    await expect.poll(() => numbers).toEqual([0, 1, 2])
    expect(states).toEqual(['open poll'])
  })

  it('are the WebSocket again when it passes, without an interruption, a lost event or a second one', async () => {
    const { arena, proxy, start } = await setUp()
    const { client, states, numbers } = start({ upgradeAfterMs: 30 })
    await expect.poll(() => states).toEqual(['open stream'])
    // Some attempts fail first.
    await expect.poll(() => proxy.seen.filter((one) => one === 'upgrade').length).toBeGreaterThan(2)
    proxy.passesUpgrades = true
    let count = 0
    await vi.waitFor(async () => {
      await arena.control({ do: 'publish', from: count++, count: 1 })
      expect(states.length).toBe(2)
    }, 30_000)
    await client.request('say', { n: count++ })
    await expect.poll(() => numbers).toEqual(upTo(count))
    expect(states).toEqual(['open stream', 'open websocket'])
    expect(client.state).toEqual({ status: 'open', transport: 'websocket' })
  })

  it('are not tried any more after the client is closed during an attempt', async () => {
    const { arena, proxy, start } = await setUp()
    proxy.passesUpgrades = true
    arena.proxy.stall()
    let hasClosed = false
    class Watched extends WebSocket {
      constructor(url: string, protocols?: string[]) {
        super(url, protocols)
        this.on('close', () => {
          hasClosed = true
        })
      }
    }
    const { client } = start({ WebSocket: Watched })
    await expect.poll(() => proxy.seen).toEqual(['upgrade'])
    client.close()
    await expect.poll(() => hasClosed).toBe(true)
    // A request would reach the proxy before the end of this one.
    await fetch(`http://127.0.0.1:${proxy.port}/`, { method: 'POST', signal: AbortSignal.timeout(200) }).catch(() => {})
    expect(proxy.seen).not.toContain('text/event-stream')
  })

  it('stay what has worked when the server is away for a short time', async () => {
    const { proxy, start, arena } = await setUp()
    proxy.passesUpgrades = true
    const { states, numbers } = start({ backoff: { baseMs: 200, capMs: 200 }, minUptimeMs: 0 })
    await expect.poll(() => states).toEqual(['open websocket'])
    arena.proxy.refuse()
    arena.proxy.cut()
    await expect.poll(() => states).toContain('connecting')
    arena.proxy.heal()
    await arena.control({ do: 'publish', from: 0, count: 1 })
    await expect.poll(() => numbers).toEqual([0])
    expect(states.filter((state) => state.startsWith('open'))).toEqual(['open websocket', 'open websocket'])
  })

  it.each([
    { transport: 'websocket', idleMs: 100 },
    // The server sends a comment each 40 ms.
    { transport: 'stream', idleMs: 30 },
    { transport: 'poll', idleMs: 100 },
  ] as const)('lose and double no event if a proxy cuts an idle $transport', async ({ transport, idleMs }) => {
    const { arena, proxy, start } = await setUp()
    proxy.passesUpgrades = true
    proxy.idleMs = idleMs
    const { client, numbers } = start({ transports: [transport] })
    const group = client.join('room', 'lobby', { last: 100 })
    const resets: string[] = []
    group.on('reset', ({ why }) => resets.push(why))
    for (let n = 0; n < 3; n++) {
      await expect.poll(() => proxy.cuts).toBeGreaterThan(n)
      await arena.control({ do: 'publish', from: n, count: 1 })
    }
    await expect.poll(() => numbers).toEqual(upTo(3))
    proxy.idleMs = undefined
    await expect.poll(() => client.state).toEqual({ status: 'open', transport })
    await client.request('say', { n: 3 })
    await expect.poll(() => numbers).toEqual(upTo(4))
    expect(resets).toEqual([])
  })

  it.each([
    { status: 403, code: 1006 },
    { status: 413, code: 1009 },
    { status: 503, code: 1012 },
  ])('end an attempt at the answer $status of the server, as $code', async ({ status, code }) => {
    const { proxy, start } = await setUp()
    proxy.refusal = status
    const { states } = start({ backoff: { baseMs: 60_000, capMs: 60_000 }, restartSpreadMs: 300_000 })
    await expect.poll(() => states).toEqual([`reconnecting ${code}`])
    expect(proxy.seen).toEqual(['upgrade', 'text/event-stream'])
  })

  it.each(['stream', 'poll'] as const)('close permanently if the server closes a %s with 4403', async (transport) => {
    const { start } = await setUp()
    const { client, states } = start({ transports: [transport] })
    await expect.poll(() => states).toEqual([`open ${transport}`])
    client.request('expel', { n: 0 }).catch(() => {})
    await expect.poll(() => states.at(-1)).toBe('closed 4403')
  })

  it('are refused with sharedWorker without a user, so that no tab gets the connection of another user', async () => {
    const { start } = await setUp()
    const { client, states } = start({ sharedWorker: '/live-worker.js' })
    const errors: string[] = []
    client.on('error', ({ code, message }) => errors.push(`${code} ${message}`))
    await expect.poll(() => states).toEqual(['closed 1006'])
    expect(client.state).toMatchObject({ why: 'misconfigured' })
    expect(errors).toEqual([expect.stringMatching(/^ERR_BAD_OPTION .*option user/)])
  })

  it('are those of the tab with sharedWorker where there are no shared workers', async () => {
    const { proxy, start } = await setUp()
    proxy.passesUpgrades = true
    const { states } = start({ sharedWorker: '/live-worker.js', user: 7 })
    await expect.poll(() => states).toEqual(['open websocket'])
  })
})
