import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { connect, type ClientOptions, type TidewayClient } from '@tideway/client'
import { expect, onTestFinished, test } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { seededRandom } from './random.ts'

/** 2,000 clients on a server that goes away, and is back at once on the same port. */
const crowd = 2_000

async function serve(port: number): Promise<WebSocketServer> {
  const server = new WebSocketServer({ port, host: '127.0.0.1', backlog: 4_096, perMessageDeflate: false })
  server.on('connection', (socket) => socket.on('error', () => {}))
  await once(server, 'listening')
  return server
}

async function storm(
  goAway: (server: WebSocketServer) => void,
  options: ClientOptions = {},
): Promise<{ waits: number[] }> {
  let server = await serve(0)
  const { port } = server.address() as AddressInfo
  const random = seededRandom(2_000)
  const waits: number[] = []
  const clients: TidewayClient[] = []
  onTestFinished(async () => {
    for (const client of clients) client.close()
    for (const socket of server.clients) socket.terminate()
    server.close()
    await once(server, 'close')
  })
  const allOpen = (): Promise<unknown> =>
    Promise.all(
      clients.map((client) =>
        client.state.status === 'open' ? undefined : new Promise<unknown>((resolve) => void client.on('open', resolve)),
      ),
    )

  for (let n = 0; n < crowd; n++) {
    const client = connect(`ws://127.0.0.1:${port}/`, { WebSocket, random, ...options })
    // Only the first wait: what the crowd does to the new server. Later ones are of attempts that failed.
    let isFirst = true
    client.on('reconnecting', ({ retryAt }) => {
      if (isFirst) waits.push(retryAt - lostAt)
      isFirst = false
    })
    clients.push(client)
    if (n % 100 === 99) await allOpen()
  }

  const lostAt = Date.now()
  const lost = Promise.all(
    clients.map((client) => new Promise<unknown>((resolve) => void client.on('reconnecting', resolve))),
  )
  goAway(server)
  server.close()
  await lost
  server = await serve(port)
  await allOpen()
  expect(server.clients.size).toBe(crowd)
  return { waits }
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

test(
  'after a drain with 1012 no second holds more than 30 % of 2,000 clients, and all are back',
  { timeout: 60_000 },
  async () => {
    const { waits } = await storm((server) => {
      for (const socket of server.clients) socket.close(1012)
    })
    expect(waits.length).toBe(crowd)
    expect(largestSecond(waits)).toBeLessThan(0.3)
  },
)

test(
  'after a crash no second holds more than 65 % of 2,000 clients, and all are back',
  { timeout: 60_000 },
  async () => {
    const { waits } = await storm((server) => {
      for (const socket of server.clients) socket.terminate()
    })
    expect(largestSecond(waits)).toBeLessThan(0.65)
  },
)
