import { describe, expect, it, onTestFinished } from 'vitest'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

const HOST = { Host: 'localhost' }

/** A server that responds when the test calls, and a client of it. */
async function patient(options: ServeOptions = {}) {
  const waiting: (() => void)[] = []
  const http = nodeListener((request, response) => {
    waiting.push(() => response.end(`answer to ${request.url}`))
  })
  const server = await serving({ http, websocket: echo }, options)
  const client = await RawClient.connect(server.port)
  onTestFinished(() => void client.socket.destroy())
  return { server, client, waiting }
}

async function answer(client: RawClient): Promise<string> {
  const { headers } = await client.head()
  return (await client.bytes(Number(headers['content-length']))).toString()
}

describe('a WebSocket handshake that is pipelined after requests', () => {
  it('is answered after them, and then its frames', async () => {
    const { client, waiting, server } = await patient()
    client.write(requestText('GET /a HTTP/1.1', HOST) + requestText('GET /b HTTP/1.1', HOST))
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    client.hex('8185 00000000 48656c6c6f')
    await eventually(() => waiting.length).toBe(2)
    expect(server.connectionCount).toBe(0)
    for (const give of waiting) give()
    expect([await answer(client), await answer(client)]).toEqual(['answer to /a', 'answer to /b'])
    expect((await client.head()).status).toBe(101)
    expect(await client.frame()).toBe('text Hello')
    // The keep-alive time of the requests is over for it.
    client.hex('8185 00000000 48656c6c6f')
    expect(await client.frame()).toBe('text Hello')
  })

  it('never reaches the application if the client disconnects before that', async () => {
    const { client, waiting, server } = await patient()
    client.write(requestText('GET /a HTTP/1.1', HOST) + requestText('GET / HTTP/1.1', validHandshake))
    await eventually(() => waiting.length).toBe(1)
    client.reset()
    await eventually(() => server.stats().sockets.open).toBe(0)
    expect(server.stats().handshakes.total).toBe(0)
    expect(server.connectionCount).toBe(0)
  })

  it('is refused with 503 if the server stops before that', async () => {
    const { client, waiting, server } = await patient()
    client.write(requestText('GET /a HTTP/1.1', HOST) + requestText('GET / HTTP/1.1', validHandshake))
    await eventually(() => waiting.length).toBe(1)
    const closed = server.close(5000)
    waiting[0]!()
    expect(await answer(client)).toBe('answer to /a')
    expect((await client.head()).status).toBe(503)
    client.socket.destroy()
    await closed
  })
})

describe('a pipelined request for an unsupported protocol', () => {
  it('is answered after the request before it', async () => {
    const { client, waiting } = await patient()
    const h2c = { ...HOST, Connection: 'Upgrade, HTTP2-Settings', Upgrade: 'h2c', 'HTTP2-Settings': '' }
    client.write(requestText('GET /a HTTP/1.1', HOST) + requestText('GET /b HTTP/1.1', h2c))
    await eventually(() => waiting.length).toBe(1)
    waiting[0]!()
    expect(await answer(client)).toBe('answer to /a')
    await eventually(() => waiting.length).toBe(2)
    waiting[1]!()
    expect(await answer(client)).toBe('answer to /b')
  })
})

describe('a request with two Hosts (RFC 9112 §3.2)', () => {
  it.each([
    ['different', ['a', 'b']],
    ['the same', ['a', 'a']],
  ])('is refused with 400 if they are %s', async (_what, hosts) => {
    const { client, waiting } = await patient()
    client.write(requestText('GET /a HTTP/1.1', { Host: hosts }))
    expect(await client.response()).toMatchObject({ status: 400, headers: { connection: 'close' } })
    expect(waiting).toHaveLength(0)
  })
})
