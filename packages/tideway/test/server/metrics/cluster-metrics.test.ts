import { fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { eventually } from '../serving.ts'
import { fromSources } from '../../../../../test/setup/from-sources.ts'

const program = fileURLToPath(new URL('fixture/cluster.ts', import.meta.url))

describe('serveClusterMetrics', () => {
  it('serves the sums of the workers in the primary, and is ready while one of them accepts connections', async () => {
    const primary = fork(program, {
      execArgv: [...fromSources],
      stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    })
    const exited = once(primary, 'exit')
    onTestFinished(async () => {
      primary.kill('SIGTERM')
      await exited
    })
    let output = ''
    primary.stdout!.setEncoding('utf8').on('data', (text: string) => (output += text))
    await eventually(() => output).toMatch(/metrics http:.*\n/)
    const [, url] = /metrics (\S+)/.exec(output)!
    expect((await fetch(`${url}/readyz`)).status).toBe(503)
    expect((await fetch(`${url}/healthz`)).status).toBe(200)
    primary.send('start two')
    await eventually(() => [...output.matchAll(/worker \d (\S+) undefined\n/g)].length).toBe(2)
    expect((await fetch(`${url}/readyz`)).status).toBe(200)

    // Each worker has an inspector of its own, which no other worker answers for.
    const inspectors = [...output.matchAll(/inspector (\d+) (\S+)\n/g)]
    const headers = { Authorization: 'Bearer a-token-of-the-cluster' }
    for (const [, pid, inspectorUrl] of inspectors) {
      const answers = await Promise.all([1, 2, 3].map(() => fetch(`${inspectorUrl}/api/process`, { headers })))
      const pids = await Promise.all(answers.map(async (answer) => ((await answer.json()) as { pid: number }).pid))
      expect(pids).toEqual([Number(pid), Number(pid), Number(pid)])
    }
    expect(new Set(inspectors.map(([, pid]) => pid)).size).toBe(2)

    const [first, second] = [...output.matchAll(/worker \d (\S+)/g)].map(([, where]) => where!)
    const clients = [first!, second!, second!].map((where) => new WebSocket(where))
    await Promise.all(clients.map((client) => once(client, 'open')))
    const text = await (await fetch(`${url}/metrics`)).text()
    expect(text).toContain('\ntideway_websockets_open 3\n')
    expect(text).toContain('tideway_websocket_handshakes_total{outcome="accepted"} 3\n')
    expect(text).toContain('nodejs_heap_size_used_bytes')

    primary.send('start a slow one')
    await eventually(() => output).toContain('slow\n')
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('\ntideway_websockets_open 3\n')

    // No client reads the close frames, so that all workers drain until the test ends.
    for (const client of clients) client.pause()
    primary.send('drain')
    await eventually(async () => (await fetch(`${url}/readyz`)).status).toBe(503)
    expect(await (await fetch(`${url}/metrics`)).text()).toContain('\ntideway_draining 2\n')
    for (const client of clients) client.terminate()
  })
})
