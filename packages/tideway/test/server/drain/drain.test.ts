import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { accepting, Recorder } from '../applications.ts'
import { RawClient } from '../raw-client.ts'
import { serving, startServer } from '../serving.ts'

/** Opens connections and keeps the order in which they are closed. */
async function clientsOf(url: string, count: number): Promise<{ readonly closed: number[]; ended: Promise<unknown> }> {
  const closed: number[] = []
  const ended: Promise<unknown>[] = []
  for (let i = 0; i < count; i++) {
    const client = new WebSocket(url)
    await once(client, 'open')
    client.once('close', () => closed.push(i))
    ended.push(once(client, 'close'))
  }
  return { closed, ended: Promise.all(ended) }
}

describe('close()', () => {
  it('closes more than a hundred WebSockets in batches', async () => {
    const server = await startServer({ websocket: new Recorder().application }, { drainWindowMs: 400 })
    const { closed, ended } = await clientsOf(server.webSocketUrl, 101)
    const end = server.close()
    // The second batch is for the second half of the window: the first is over before it.
    await expect.poll(() => closed.length, { interval: 1 }).toBeGreaterThan(0)
    expect(closed.length).toBeLessThanOrEqual(51)
    await end
    await ended
    expect(closed).toHaveLength(101)
  })

  it('closes all at once with a window of 0', async () => {
    const server = await startServer({ websocket: new Recorder().application }, { drainWindowMs: 0 })
    const { ended } = await clientsOf(server.webSocketUrl, 101)
    await server.close()
    await ended
    expect(server.connectionCount).toBe(0)
  })

  it('sends the reconnect period in the close reason', async () => {
    const server = await startServer({ websocket: new Recorder().application }, { drainWindowMs: 1234 })
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    const closed = once(client, 'close') as Promise<[number, Buffer]>
    await server.close()
    const [code, reason] = await closed
    expect(`${code} ${reason.toString()}`).toBe('1012 server restart, spread=1234')
  })

  it('ends at drainTimeoutMs although a connection stays open', async () => {
    const websocket = accepting(() => new Promise(() => {}))
    const server = await startServer({ websocket }, { drainTimeoutMs: 40 })
    const client = await RawClient.open(server.port, '/', { allowHalfOpen: true })
    onTestFinished(() => void client.socket.destroy())
    await server.close()
    expect(await client.framesUntilClose()).toEqual(['close 1012'])
  })
})

describe('readinessPath', () => {
  it('answers 200 with any query, without the application', async () => {
    const server = await serving({}, { readinessPath: '/readyz' })
    for (const path of ['/readyz', '/readyz?from=probe']) {
      const response = await fetch(server.url + path)
      expect(response.status).toBe(200)
      expect(response.headers.get('cache-control')).toBe('no-store')
    }
    expect((await fetch(`${server.url}/readyz/`)).status).not.toBe(200)
  })

  it('answers 503 while the server drains, as all other paths', async () => {
    const server = await startServer({ websocket: new Recorder().application }, { readinessPath: '/readyz' })
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    // The client does not answer the close frame before the probes are done.
    client.pause()
    const closed = server.close()
    const probe = await fetch(`${server.url}/readyz`)
    expect([probe.status, probe.headers.get('retry-after')]).toEqual([503, '5'])
    expect((await fetch(`${server.url}/other`)).status).toBe(503)
    const late = new WebSocket(server.webSocketUrl)
    const [, response] = (await once(late, 'unexpected-response')) as [unknown, { statusCode: number }]
    expect(response.statusCode).toBe(503)
    late.on('error', () => {}).terminate()
    client.terminate()
    await closed
    await expect(fetch(`${server.url}/readyz`)).rejects.toThrow('fetch failed')
  })

  it('leaves the path to the application if it is false', async () => {
    const server = await serving({
      http: async (_scope, _receive, send) => {
        await send({ type: 'http.response.start', status: 204 })
        await send({ type: 'http.response.body' })
      },
    })
    expect((await fetch(`${server.url}/readyz`)).status).toBe(204)
  })
})
