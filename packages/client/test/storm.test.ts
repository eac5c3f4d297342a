import { connect, type TidewayClient } from '@tideway/client'
import { seededRandom } from 'tideway/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { startTideway, startWs, type Peer, type StartBackend } from './backend.ts'

/** 1,000 clients on a server that stops, and restarts at once on the same port. */
const crowd = 1_000

/** The waits that the clients chose when they lost their connection; it resolves when all of them are back. */
async function storm(start: StartBackend): Promise<number[]> {
  const peers = new Set<Peer>()
  const events = {
    open: (peer: Peer) => void peers.add(peer),
    message: () => {},
    closed: (peer: Peer) => void peers.delete(peer),
  }
  let server = await start(0, events)
  const { port } = server
  const random = seededRandom(crowd)
  const clients: TidewayClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.close()
    await server.stop()
  })
  const all = (name: 'open' | 'reconnecting'): Promise<unknown> =>
    Promise.all(
      clients.map((client) =>
        client.state.status === name ? undefined : new Promise((resolve) => void client.on(name, resolve)),
      ),
    )

  const waits: number[] = []
  for (let n = 0; n < crowd; n++) {
    // An attempt that takes long on a busy machine is none that failed.
    const client = connect(`ws://127.0.0.1:${port}/`, { WebSocket, random, connectTimeoutMs: 60_000 })
    // Only the first wait: what the crowd does to the new server. Later ones are of attempts that failed.
    const off = client.on('reconnecting', ({ retryAt }) => {
      waits.push(retryAt - Date.now())
      off()
    })
    clients.push(client)
    if (n % 100 === 99) await all('open')
  }

  const lost = all('reconnecting')
  await server.stop()
  await lost
  server = await start(port, events)
  await all('open')
  await expect.poll(() => peers.size).toBe(crowd)
  return waits
}

/** The largest share of the crowd that comes within any one second. */
function largestSecond(waits: readonly number[]): number {
  const sorted = waits.toSorted((one, other) => one - other)
  let largest = 0
  let first = 0
  for (const [last, wait] of sorted.entries()) {
    while (wait - (sorted[first] ?? 0) >= 1_000) first++
    largest = Math.max(largest, last - first + 1)
  }
  return largest / waits.length
}

describe('1,000 reconnecting clients', () => {
  it(
    'all reconnect after a drain of the server, at most 30 % of them in one second',
    { timeout: 180_000 },
    async () => {
      const waits = await storm(startTideway)
      expect(waits.length).toBe(crowd)
      expect(largestSecond(waits)).toBeLessThan(0.3)
    },
  )

  it(
    'all reconnect after a crash of the server, at most 65 % of them in one second',
    { timeout: 180_000 },
    async () => {
      const waits = await storm(startWs)
      expect(waits.length).toBe(crowd)
      expect(largestSecond(waits)).toBeLessThan(0.65)
    },
  )
})
