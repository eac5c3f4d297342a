import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { Application } from '../../../src/asgi/application.ts'
import { consoleLogger } from '../../../src/asgi/logger.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { accepting, Recorder } from '../applications.ts'
import { RawClient } from '../raw-client.ts'
import { serving, startServer } from '../serving.ts'

/** Opens connections and keeps the order in which they are closed. */
async function clientsOf(url: string, count: number) {
  const closed: number[] = []
  const clients: WebSocket[] = []
  const ended: Promise<unknown>[] = []
  for (let i = 0; i < count; i++) {
    const client = new WebSocket(url)
    await once(client, 'open')
    client.once('close', () => closed.push(i))
    ended.push(once(client, 'close'))
    clients.push(client)
  }
  return { closed, clients, ended: Promise.all(ended) }
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

/** An application whose connections end when their clients close them, and the announcements to it. */
function moving() {
  const announced: number[] = []
  const websocket: Application<WebSocketScope> = async (scope, receive, send) => {
    scope.onDrain?.((withinMs) => {
      announced.push(withinMs)
      void send({ type: 'websocket.send', text: 'move' })
    })
    await receive()
    await send({ type: 'websocket.accept' })
    while ((await receive()).type !== 'websocket.disconnect');
  }
  return { announced, websocket }
}

describe('connections that can move', () => {
  it('are announced the drain, and may stay open until they have moved', async () => {
    const { announced, websocket } = moving()
    const server = await startServer({ websocket }, { drainWindowMs: 60_000, drainTimeoutMs: 120_000 })
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    const closing = once(client, 'close') as Promise<[number]>
    const told = once(client, 'message')
    const closed = server.close()
    await told
    // A timer of Node may fire early, so the rest of the window may be less than all of it.
    expect(announced).toEqual([expect.toSatisfy((ms: number) => ms > 0 && ms <= 60_000)])
    expect(client.readyState).toBe(WebSocket.OPEN)
    client.close(1000)
    expect((await closing)[0]).toBe(1000)
    // Long before the end of the window.
    await closed
  })

  it('are closed with 1012 at the end of the window, and others at its start', async () => {
    const { websocket } = moving()
    const plain = new Recorder().application
    const server = await startServer(
      { websocket: (scope, receive, send) => (scope.path === '/plain' ? plain : websocket)(scope, receive, send) },
      { drainWindowMs: 100 },
    )
    const codes: string[] = []
    const ended = ['', '/plain'].map(async (path) => {
      const client = new WebSocket(server.webSocketUrl + path)
      await once(client, 'open')
      return once(client, 'close').then(([code]) => codes.push(`${path} ${code as number}`))
    })
    await expect.poll(() => server.connectionCount).toBe(2)
    await server.close()
    await Promise.all(ended)
    expect(codes).toEqual(['/plain 1012', ' 1012'])
  })

  it.each([
    ['a window of 0', { drainWindowMs: 0 }, {}],
    ['canMove: false', {}, { canMove: false }],
  ])('are closed at once with %s', async (_name, options, choice) => {
    const { announced, websocket } = moving()
    const server = await startServer({ websocket }, options)
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    const closing = once(client, 'close') as Promise<[number]>
    await server.close(undefined, choice)
    expect((await closing)[0]).toBe(1012)
    expect(announced).toEqual([])
  })

  it('are announced the drain in batches over the first half of the window', async () => {
    const { announced, websocket } = moving()
    const server = await startServer({ websocket }, { drainWindowMs: 4000 })
    const { clients, ended } = await clientsOf(server.webSocketUrl, 101)
    const closed = server.close()
    await expect.poll(() => announced.length).toBe(101)
    expect(announced.filter((withinMs) => withinMs > 3000)).toHaveLength(51)
    expect(Math.min(...announced)).toBeLessThanOrEqual(3000)
    for (const client of clients) client.terminate()
    await closed
    await ended
  })

  it('keep a listener that throws from ending the process', async () => {
    const errors: unknown[] = []
    const logger = { ...consoleLogger, error: (fields: object) => errors.push((fields as { err: Error }).err.message) }
    const websocket: Application<WebSocketScope> = async (scope, receive, send) => {
      scope.onDrain?.(() => {
        throw new Error('The listener fails.')
      })
      await receive()
      await send({ type: 'websocket.accept' })
      while ((await receive()).type !== 'websocket.disconnect');
    }
    const server = await startServer({ websocket }, { drainWindowMs: 50, logger })
    const { ended } = await clientsOf(server.webSocketUrl, 1)
    await server.close()
    await ended
    expect(errors).toEqual(['The listener fails.'])
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
