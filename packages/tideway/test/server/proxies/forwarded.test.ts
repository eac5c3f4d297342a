import { once } from 'node:events'
import { assert, asyncProperty, constantFrom, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { readForwarded } from '../../../src/server/handshake/forwarded.ts'
import type { RequestHead } from '../../../src/server/handshake/request-head.ts'
import { TrustedProxies } from '../../../src/server/handshake/trusted-proxies.ts'
import { RawClient, requestText } from '../raw-client.ts'
import { serving } from '../serving.ts'

const tell: Application<HttpScope> = async (scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: JSON.stringify({ client: scope.client, scheme: scope.scheme }) })
}

/** The client and the scheme that the application sees. */
async function seen(headers: Record<string, string>, options: ServeOptions = { proxyHeaders: true }) {
  const server = await serving({ http: tell }, options)
  const response = await fetch(server.url, { headers })
  return (await response.json()) as { client?: { host: string; port?: number }; scheme: string }
}

describe('proxy headers', () => {
  it('are ignored without proxyHeaders', async () => {
    const { client, scheme } = await seen({ 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' }, {})
    expect(client?.host).toBe('127.0.0.1')
    expect(scheme).toBe('http')
  })

  it('are ignored from a peer that is not a trusted proxy', async () => {
    const { client, scheme } = await seen(
      { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https' },
      { proxyHeaders: true, trustedProxies: ['10.0.0.0/8'] },
    )
    expect(client?.host).toBe('127.0.0.1')
    expect(scheme).toBe('http')
  })

  it('set the client and its scheme', async () => {
    const headers = { 'x-forwarded-for': '192.0.2.1:4711', 'x-forwarded-proto': 'https' }
    expect(await seen(headers)).toEqual({ client: { host: '192.0.2.1', port: 4711 }, scheme: 'https' })
  })

  it('do not set the port of the client from X-Forwarded-Port, which is the port of the site', async () => {
    const headers = { 'x-forwarded-for': '192.0.2.1', 'x-forwarded-port': '443' }
    expect(await seen(headers)).toEqual({ client: { host: '192.0.2.1' }, scheme: 'http' })
  })

  it.each([
    ['the right-most address that is not trusted', '198.51.100.9, 192.0.2.1, 127.0.0.1', '192.0.2.1'],
    ['the left-most when all are trusted', '127.0.0.2, 127.0.0.1', '127.0.0.2'],
    ['an IPv6 address', '2001:db8::1', '2001:db8::1'],
    ['an address with its port', '192.0.2.1:4711', '192.0.2.1'],
    ['an IPv6 address with its port', '[2001:db8::1]:4711', '2001:db8::1'],
    ['an IPv6 address in its canonical form', '2001:0DB8:0:0::0001', '2001:db8::1'],
    ['an IPv4 address without its IPv6 prefix', '::ffff:192.0.2.1', '192.0.2.1'],
    ['nothing for the client when the last proxy writes no address', '192.0.2.1, unknown', undefined],
    ['nothing for the client when a trusted proxy passes on what is no address', 'x"y, 127.0.0.1', undefined],
    ['the peer as the client when no proxy says anything', ' , ', '127.0.0.1'],
  ])('take %s', async (_what, header, host) => {
    expect((await seen({ 'x-forwarded-for': header })).client?.host).toBe(host)
  })

  it('have an IPv4 address for an IPv4 client of a dual-stack socket', async () => {
    const server = await serving({ http: tell }, { host: '::', proxyHeaders: false })
    const response = await fetch(`http://127.0.0.1:${server.port}`)
    expect(await response.json()).toMatchObject({ client: { host: '127.0.0.1' } })
  })

  it('set no scheme but one of the two of HTTP', async () => {
    expect((await seen({ 'x-forwarded-proto': 'javascript' })).scheme).toBe('http')
    expect((await seen({ 'x-forwarded-proto': 'HTTPS' })).scheme).toBe('https')
    expect((await seen({ 'x-forwarded-for': '192.0.2.1', 'x-forwarded-proto': 'https, http' })).scheme).toBe('http')
  })

  it('include Forwarded of RFC 7239', async () => {
    const headers = { forwarded: 'for=198.51.100.9, For="[2001:db8::1]:4711";proto=https;by=203.0.113.43' }
    expect(await seen(headers)).toEqual({ client: { host: '2001:db8::1', port: 4711 }, scheme: 'https' })
  })

  it.each([
    ['empty elements, and spaces around semicolons', ', for=192.0.2.1 ; proto=https ,,', '192.0.2.1', 'https'],
    ['a quoted value with escapes', 'for="192.0.2\\.1";proto="https"', '192.0.2.1', 'https'],
    ['a port that is hidden', 'for="192.0.2.1:_x-1"', '192.0.2.1', 'http'],
    ['a client that is unknown', 'for=unknown;proto=https', undefined, 'https'],
    ['a client that is hidden', 'for=_gazonk', undefined, 'http'],
    ['an element without a client', 'proto=https', undefined, 'https'],
    ['a port without quotes, which is against the grammar', 'for=192.0.2.1:4711;proto=https', undefined, 'http'],
    ['an IPv6 address without quotes', 'for=[2001:db8::1];proto=https', undefined, 'http'],
    ['the same parameter twice', 'for=192.0.2.1;proto=https;for=192.0.2.2', undefined, 'http'],
    ['a parameter without a value', 'for=192.0.2.1;proto=https;by', undefined, 'http'],
    ['two elements without a comma', 'for=192.0.2.1 for=192.0.2.2', undefined, 'http'],
    ['an open quote', 'for=192.0.2.1;proto=https;a="', undefined, 'http'],
  ])('read, in Forwarded, %s', async (_what, forwarded, host, scheme) => {
    expect(await seen({ forwarded })).toMatchObject({ scheme, ...(host !== undefined && { client: { host } }) })
    expect((await seen({ forwarded })).client?.host).toBe(host)
  })

  describe('with a client that forges Forwarded', () => {
    const added = 'proto=http;for="[2001:db8::1]"'
    const attacks = [
      'for=6.6.6.6;proto=https;a="',
      'for=6.6.6.6;proto=https;a="\\',
      'for=6.6.6.6;proto=https,a="x',
      'for=6.6.6.6;proto=https;"',
      '"for=6.6.6.6;proto=https',
      'for="6.6.6.6',
    ]

    it.each(attacks)('ignore the forged part if a proxy appends to the same line: %s', async (forged) => {
      const { client, scheme } = await seen({ forwarded: `${forged}, ${added}` })
      expect(client?.host).not.toBe('6.6.6.6')
      expect(client?.host).not.toBe('127.0.0.1')
      expect(scheme).toBe('http')
    })

    it.each(['for=6.6.6.6;proto=https', ...attacks])(
      'set the client from a separate line of the proxy: %s',
      async (forged) => {
        const server = await serving({ http: tell }, { proxyHeaders: true })
        const client = await RawClient.connect(server.port)
        client.write(requestText('GET / HTTP/1.1', { Host: 'a', Connection: 'close', Forwarded: [forged, added] }))
        const { body } = await client.response()
        expect(JSON.parse(body)).toEqual({ client: { host: '2001:db8::1' }, scheme: 'http' })
      },
    )

    it('are parsed in time proportional to the header', () => {
      const trusted = new TrustedProxies(['127.0.0.1'])
      // A linear parser takes 5 ms for ten times what a request may have. A quadratic one takes 40 s, more than the test has.
      const forwarded = `for=1.2.3.4;a="${'\\"'.repeat(80_000)}`
      const request = {
        headers: { forwarded },
        rawHeaders: ['Forwarded', forwarded],
        socket: { remoteAddress: '127.0.0.1' },
      } as unknown as RequestHead
      expect(readForwarded(request, trusted).client).toBe('unknown')
    }, 20_000)
  })

  it.each([{ 'x-forwarded-for': '192.0.2.1' }, { 'x-forwarded-proto': 'http' }])(
    'are never mixed: with %o, the client’s Forwarded is ignored',
    async (header) => {
      const forged = { forwarded: 'for=198.51.100.9:1;proto=https' }
      expect(await seen({ ...header, ...forged })).toEqual({
        ...(await seen(header)),
        client: expect.objectContaining({ host: header['x-forwarded-for'] ?? '127.0.0.1' }),
      })
    },
  )

  it('set the scheme wss for a WebSocket behind TLS', async () => {
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

  it('never make the server fail', async () => {
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
  it('accept addresses, ranges, and Unix sockets', () => {
    const trusted = new TrustedProxies(['192.0.2.1', '10.0.0.0/8', 'fd00::/8', 'unix'])
    const answers = ['192.0.2.1', '192.0.2.2', '10.255.0.1', '::ffff:10.0.0.1', 'fd12::1', 'fe80::1', undefined].map(
      (address) => trusted.has(address),
    )
    expect(answers).toEqual([true, false, true, true, true, false, true])
  })

  it('do not include Unix sockets by default', () => {
    expect(new TrustedProxies(['0.0.0.0/0']).has(undefined)).toBe(false)
  })

  it.each(['localhost', '10.0.0.0/33', '10.0.0.0/', '10.0.0.0/8/8', '::1/129', ''])('refuse %j', (entry) => {
    expect(() => new TrustedProxies([entry])).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }) as Error)
  })

  it('explain why "*" is refused', () => {
    expect(() => new TrustedProxies(['*'])).toThrow('a client can claim any address')
  })
})
