import { Counter, Registry } from 'prom-client'
import { describe, expect, it } from 'vitest'
import { registerMetrics } from '../../../src/server/metrics/register-metrics.ts'
import { echo } from '../applications.ts'
import { RawClient } from '../raw-client.ts'
import { serving } from '../serving.ts'

describe('registerMetrics', () => {
  it('adds the metrics of a server to those of a registry', async () => {
    const registry = new Registry()
    new Counter({ name: 'chat_rooms_total', help: 'Rooms.', registers: [registry] }).inc(3)
    const server = await serving({ websocket: echo })
    await registerMetrics(server, registry)
    const client = await RawClient.open(server.port)
    const text = await registry.metrics()
    expect(text).toContain('\nchat_rooms_total 3\n')
    expect(text).toContain('\ntideway_websockets_open 1\n')
    expect(text).not.toContain('process_cpu')
    client.socket.destroy()
  })

  it('accepts two servers with two prefixes, and rejects two with one', async () => {
    const registry = new Registry()
    const servers = [await serving({ websocket: echo }), await serving({ websocket: echo })] as const
    await registerMetrics(servers[0], registry, { prefix: 'chat_' })
    await registerMetrics(servers[1], registry, { prefix: 'admin_' })
    const client = await RawClient.open(servers[1].port)
    const text = await registry.metrics()
    expect(text).toContain('\nchat_websockets_open 0\n')
    expect(text).toContain('\nadmin_websockets_open 1\n')
    await expect(registerMetrics(servers[0], registry, { prefix: 'chat_' })).rejects.toThrow('already been registered')
    client.socket.destroy()
  })

  it('reads the statistics once per scrape', async () => {
    const registry = new Registry()
    const server = await serving({ websocket: echo })
    let reads = 0
    await registerMetrics({ stats: () => (reads++, server.stats()) }, registry)
    await registry.metrics()
    expect(reads).toBe(1)
    await new Promise((resolve) => setImmediate(resolve))
    await registry.metrics()
    expect(reads).toBe(2)
  })
})
