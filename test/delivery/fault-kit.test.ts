import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { RedisPubSubChannelLayer } from '@tideway/redis'
import { expectContiguous, withFaults, type FaultServer } from 'tideway/testing'
import { expect, it } from 'vitest'
import { describeWith } from '../setup/describe-with.ts'
import { patiently } from '../setup/patiently.ts'
import { publish } from './fleet.ts'
import { FollowingClient } from './following-client.ts'

/** TIDEWAY_FAULT_SEED repeats a schedule. */
const SEED = process.env['TIDEWAY_FAULT_SEED']

const file = fileURLToPath(new URL('fixture/server.ts', import.meta.url))
const server: FaultServer = {
  command: ({ redisUrl }) => [
    process.execPath,
    '--conditions=@tideway/source',
    '--import=tsx',
    file,
    JSON.stringify({ hosts: [redisUrl], maxReconnectDelayMs: 100 }),
  ],
  startTimeoutMs: 60_000,
}

describeWith(['redis'], 'a kept group in a random schedule of the fault kit', () => {
  it('is complete at every client, while network, server and Redis fail', { timeout: 240_000 }, async () => {
    await withFaults({ server, redis: true, ...(SEED !== undefined && { seed: Number(SEED) }) }, async (faults) => {
      const layer = new RedisPubSubChannelLayer({ hosts: [faults.redisUrl!], maxReconnectDelayMs: 100 })
      const clients = Array.from({ length: 5 }, () => new FollowingClient(() => faults.proxy.port))
      const running = clients.map((client) => client.run())
      try {
        await patiently(() => expect(clients.every(({ position }) => position !== undefined)).toBe(true))
        let n = 0
        const over = new AbortController()
        const publishing = (async () => {
          while (!over.signal.aborted) {
            await publish(layer, ++n)
            await delay(5)
          }
        })()
        await faults.run()
        over.abort()
        await publishing
        await patiently(() => expect(clients.map(({ numbers }) => numbers.at(-1))).toEqual(clients.map(() => n)))
        const { events, resets } = expectContiguous(...clients.map(({ received }) => received))
        expect({ events, resets }).toEqual({ events: n * clients.length, resets: clients.length })
      } finally {
        for (const client of clients) client.leave()
        await Promise.all(running)
        await layer.close()
      }
    })
  })
})
