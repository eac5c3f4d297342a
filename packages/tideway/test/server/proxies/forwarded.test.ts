import { once } from 'node:events'
import { assert, asyncProperty, constantFrom, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { TrustedProxies } from '../../../src/server/handshake/trusted-proxies.ts'
import { serving } from '../serving.ts'

const tell: Application<HttpScope> = async (scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: JSON.stringify({ client: scope.client, scheme: scope.scheme }) })
}

/** The client and the scheme that the application sees. */
async function seen(headers: Record<string, string>, options: ServeOptions = { proxyHeaders: true }) {
  const server = await serving({ http: tell }, options)
  const response = await fetch(server.url, { headers })
  return (await response.json()) as { client: { host: string; port?: number }; scheme: string }
}

describe('proxy headers', () => {
  it('are not read unless asked for', async () => {
    const { client, scheme } = await seen({ 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' }, {})
    expect(client.host).toBe('127.0.0.1')
    expect(scheme).toBe('http')
  })

  it('are not believed of a peer that is no trusted proxy', async () => {
    const { client, scheme } = await seen(
      { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' },
      { proxyHeaders: true, trustedProxies: ['10.0.0.0/8'] },
    )
    expect(client.host).toBe('127.0.0.1')
    expect(scheme).toBe('http')
  })

  it('say who the client is, with which port and scheme', async () => {
    const headers = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-port': '4711', 'x-forwarded-proto': 'https' }
    expect(await seen(headers)).toEqual({ client: { host: '192.0.2.1', port: 4711 }, scheme: 'https' })
  })

  it.each([
    ['the right-most address that is not trusted', '198.51.100.9, 192.0.2.1, 127.0.0.1', '192.0.2.1'],
    ['the left-most when all are trusted', '127.0.0.2, 127.0.0.1', '127.0.0.2'],
    ['an IPv6 address', '2001:db8::1', '2001:db8::1'],
    ['an address with its port', '192.0.2.1:4711', '192.0.2.1'],
    ['an IPv6 address with its port', '[2001:db8::1]:4711', '2001:db8::1'],
    ['the proxy itself when what it says is no address', '192.0.2.1, unknown', '127.0.0.1'],
    ['the proxy itself when it says nothing', ' , ', '127.0.0.1'],
  ])('take %s', async (_what, header, host) => {
    expect((await seen({ 'x-forwarded-for': header })).client.host).toBe(host)
  })

  it('never take the scheme as it came: it is one of two', async () => {
    expect((await seen({ 'x-forwarded-proto': 'javascript' })).scheme).toBe('http')
    expect((await seen({ 'x-forwarded-proto': 'HTTPS' })).scheme).toBe('https')
    expect((await seen({ 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https, http' })).scheme).toBe('http')
  })

  it('may be the one header of RFC 7239', async () => {
    const headers = { forwarded: 'for=198.51.100.9, For="[2001:db8::1]:4711";proto=https;by=203.0.113.43' }
    expect(await seen(headers)).toEqual({ client: { host: '2001:db8::1', port: 4711 }, scheme: 'https' })
  })

  it.each([{ 'x-forwarded-for': '192.0.2.1' }, { 'x-forwarded-proto': 'http' }])(
    'are never mixed: with %o, what a client wrote into Forwarded counts for nothing',
    async (header) => {
      const forged = { forwarded: 'for=198.51.100.9:1;proto=https' }
      expect(await seen({ ...header, ...forged })).toEqual({
        ...(await seen(header)),
        client: expect.objectContaining({ host: header['x-forwarded-for'] ?? '127.0.0.1' }),
      })
    },
  )

  it('give a WebSocket behind TLS the scheme wss', async () => {
    const accept: Application<WebSocketScope> = async (scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.accept' })
      await send({ type: 'websocket.send', text: scope.scheme })
      await receive()
    }
    const server = await serving({ websocket: accept }, { proxyHeaders: true })
    const client = new WebSocket(server.webSocketUrl, { headers: { 'x-forwarded-proto': 'https' } })
    const [message] = (await once(client, 'message')) as [Buffer]
    client.close()
    expect(message.toString()).toBe('wss')
  })

  it('cannot make the server fail, whatever they hold', async () => {
    const server = await serving({ http: tell }, { proxyHeaders: true })
    const value = string({ unit: constantFrom(...Array.from('",;=[]:. for127proto\\')) })
    await assert(
      asyncProperty(constantFrom('forwarded', 'x-forwarded-for', 'x-forwarded-port'), value, async (name, text) => {
        const response = await fetch(server.url, { headers: { [name]: text } })
        expect(response.status).toBe(200)
        await response.arrayBuffer()
      }),
      { numRuns: 200 },
    )
  })
})

describe('trusted proxies', () => {
  it('are addresses, ranges, and Unix sockets', () => {
    const trusted = new TrustedProxies(['192.0.2.1', '10.0.0.0/8', 'fd00::/8', 'unix'])
    const answers = ['192.0.2.1', '192.0.2.2', '10.255.0.1', '::ffff:10.0.0.1', 'fd12::1', 'fe80::1', undefined].map(
      (address) => trusted.has(address),
    )
    expect(answers).toEqual([true, false, true, true, true, false, true])
  })

  it('trust no Unix socket unless named', () => {
    expect(new TrustedProxies(['0.0.0.0/0']).has(undefined)).toBe(false)
  })

  it.each(['localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', ''])('refuse %j', (entry) => {
    expect(() => new TrustedProxies([entry])).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }) as Error)
  })
})
