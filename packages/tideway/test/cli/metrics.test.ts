import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../server/serving.ts'
import { Command, fixture } from './command.ts'

describe.each([1, 2])('tideway serve --metrics-port, with %i worker(s)', (workers) => {
  it('prints the URL of the metrics, and counts all connections', async () => {
    const flags = ['--port', '0', '--metrics-port', '0', '--workers', String(workers)]
    const command = new Command(['serve', fixture('workers/application.ts'), ...flags])
    const url = await command.url()
    const [, metrics] = await command.says(/Metrics on (\S+)/)
    const clients = Array.from({ length: 6 }, () => new WebSocket(url.replace('http', 'ws')))
    await Promise.all(clients.map((client) => once(client, 'message')))
    const scrape = async (): Promise<string> => (await fetch(metrics!)).text()
    expect(await scrape()).toContain('\ntideway_websockets_open 6\n')
    expect((await fetch(new URL('/readyz', metrics))).status).toBe(200)
    for (const client of clients) client.close()
    await eventually(scrape).toContain('\ntideway_websockets_open 0\n')
    command.process.kill('SIGTERM')
    expect(await command.exitCode()).toBe(0)
  })
})
