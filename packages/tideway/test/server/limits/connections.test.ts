import { once } from 'node:events'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { Recorder } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

const ok: Application<HttpScope> = async (_scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: 'ok' })
}

async function connected(port: number): Promise<RawClient> {
  const client = await RawClient.connect(port)
  onTestFinished(() => void client.socket.destroy())
  return client
}

/** The status that a handshake is answered with. */
async function handshake(url: string, headers: Record<string, string> = {}): Promise<number> {
  const client = new WebSocket(url, { headers })
  onTestFinished(() => client.terminate())
  client.on('error', () => {})
  const opened = once(client, 'open').then(() => 101)
  const refused = once(client, 'unexpected-response').then(([, { statusCode }]) => statusCode as number)
  return Promise.race([opened, refused])
}

describe('maxConnections', () => {
  it('answers requests and handshakes on connections above it with 503 and Retry-After, and ends the connections', async () => {
    const server = await serving({ http: ok, websocket: new Recorder().application }, { maxConnections: 2 })
    const within = [await connected(server.port), await connected(server.port)]
    within[1]!.write(requestText('GET / HTTP/1.1', { Host: 'localhost' }))
    expect(await within[1]!.head()).toMatchObject({ status: 200 })
    for (const headers of [{ Host: 'localhost' }, validHandshake]) {
      const above = await connected(server.port)
      above.write(requestText('GET / HTTP/1.1', headers))
      const { status, headers: answered } = await above.response()
      expect([status, answered['retry-after'], answered['connection']]).toEqual([503, '5', 'close'])
      await above.over()
    }
  })

  it('accepts more connections after others have ended', async () => {
    const server = await serving({ websocket: new Recorder().application }, { maxConnections: 1 })
    const first = new WebSocket(server.webSocketUrl)
    await once(first, 'open')
    expect(await handshake(server.webSocketUrl)).toBe(503)
    first.terminate()
    await eventually(() => handshake(server.webSocketUrl)).toBe(101)
  })

  it('counts no connection when it is false', async () => {
    const server = await serving({ websocket: new Recorder().application }, { maxConnections: false })
    expect(await handshake(server.webSocketUrl)).toBe(101)
  })
})

describe('maxConnectionsPerAddress', () => {
  it('answers with 429 above it, and accepts more after connections of the address have ended', async () => {
    const server = await serving({ websocket: new Recorder().application }, { maxConnectionsPerAddress: 2 })
    const first = new WebSocket(server.webSocketUrl)
    await once(first, 'open')
    expect(await handshake(server.webSocketUrl)).toBe(101)
    expect(await handshake(server.webSocketUrl)).toBe(429)
    first.terminate()
    await eventually(() => handshake(server.webSocketUrl)).toBe(101)
  })

  it('counts the client addresses of a trusted proxy, and not the proxy itself', async () => {
    const websocket = new Recorder().application
    const server = await serving({ http: ok, websocket }, { maxConnectionsPerAddress: 1, proxyHeaders: true })
    const from = (address: string): Promise<number> => handshake(server.webSocketUrl, { 'X-Forwarded-For': address })
    expect(await from('192.0.2.1')).toBe(101)
    expect(await from('192.0.2.1')).toBe(429)
    expect(await from('192.0.2.2')).toBe(101)
    expect((await fetch(server.url)).status).toBe(200)
  })

  it('counts all clients without an address from a trusted proxy together, and all spellings of an address as one', async () => {
    const server = await serving(
      { websocket: new Recorder().application },
      { maxConnectionsPerAddress: 1, proxyHeaders: true },
    )
    const from = (Forwarded: string): Promise<number> => handshake(server.webSocketUrl, { Forwarded })
    expect([await from('for=_one'), await from('for=_two;"')]).toEqual([101, 429])
    expect([await from('for="[2001:db8::1]"'), await from('for="[2001:DB8:0::0:1]"')]).toEqual([101, 429])
  })

  it('ignores the header of a peer that is not a trusted proxy', async () => {
    const server = await serving(
      { websocket: new Recorder().application },
      { maxConnectionsPerAddress: 1, proxyHeaders: true, trustedProxies: ['10.0.0.0/8'] },
    )
    expect(await handshake(server.webSocketUrl, { 'X-Forwarded-For': '192.0.2.1' })).toBe(101)
    expect(await handshake(server.webSocketUrl, { 'X-Forwarded-For': '192.0.2.2' })).toBe(429)
  })
})
