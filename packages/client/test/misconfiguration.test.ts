import { connect, TidewaySocket, type ClientError } from '@tideway/client'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { fakeWebSockets } from './fake-web-socket.ts'
import { virtualClient } from './virtual-client.ts'

const sockets = fakeWebSockets()
const { WebSocket } = sockets
const failsWith = (code: ClientError['code']): ClientError => expect.objectContaining({ code }) as ClientError

test('connect throws without a WebSocket class and names the option', () => {
  vi.stubGlobal('WebSocket', undefined)
  expect(() => connect('ws://server.test/')).toThrow('pass one')
  expect(() => new TidewaySocket('ws://server.test/')).toThrow(failsWith('ERR_NO_WEBSOCKET'))
  vi.unstubAllGlobals()
})

test('connect uses the global WebSocket', async () => {
  vi.stubGlobal('WebSocket', WebSocket)
  const client = connect('ws://server.test/')
  await expect.poll(() => sockets.all.map(({ url }) => url)).toEqual(['ws://server.test/'])
  client.close()
  vi.unstubAllGlobals()
})

test.each([
  '',
  'server.test/chat',
  '/chat',
  'ftp://server.test/',
  'ws://',
  'ws://server.test/#top',
  'javascript:alert(1)',
])('connect throws for the URL "%s"', (url) => {
  expect(() => connect(url, { WebSocket })).toThrow(failsWith('ERR_BAD_URL'))
})

describe('A relative URL', () => {
  afterEach(() => vi.unstubAllGlobals())
  const href = 'https://page.test:8443/chat/lobby/?x=1'

  test.each([
    ['/ws/chat/', { location: { href } }, 'wss://page.test:8443/ws/chat/'],
    ['ws/', { location: { href } }, 'wss://page.test:8443/chat/lobby/ws/'],
    ['ws/', { location: { href }, document: { baseURI: 'http://page.test/app/' } }, 'ws://page.test/app/ws/'],
    ['/ws/', { location: { href: 'about:srcdoc' }, document: { baseURI: href } }, 'wss://page.test:8443/ws/'],
  ])('resolves "%s" with %j to %s', async (given, globals, expected) => {
    for (const [name, value] of Object.entries(globals)) vi.stubGlobal(name, value)
    const { sockets } = await virtualClient({}, given)
    expect(sockets.last.url).toBe(expected)
  })
})

test('connect closes permanently if a URL function returns a wrong URL', async () => {
  const { client, errors, pass, sockets } = await virtualClient({}, () => 'nonsense')
  expect(client.state).toMatchObject({ status: 'closed', why: 'misconfigured' })
  expect(errors).toEqual([failsWith('ERR_BAD_URL')])
  await pass(3_600_000)
  expect(sockets.all.length).toBe(0)
})

test('connect closes permanently if the WebSocket class throws (a malformed subprotocol, an insecure URL on a secure page)', async () => {
  const { client, errors } = await virtualClient({
    WebSocket: function refuse() {
      throw new SyntaxError('An invalid subprotocol was specified')
    } as never,
  })
  expect(client.state).toMatchObject({ status: 'closed', why: 'misconfigured' })
  expect(errors).toMatchObject([{ code: 'ERR_BAD_OPTION', cause: expect.any(SyntaxError) as SyntaxError }])
})

test.each([
  { connectTimeoutMs: -1 },
  { minUptimeMs: Number.NaN },
  { maxMessageBytes: 'many' as unknown as number },
  { backoff: { capMs: undefined as unknown as number } },
  { heartbeat: { intervalMs: -5 } },
  { outbox: { maxBytes: Number.NaN } },
])('the option %j throws at once, with its name', (options) => {
  expect(() => connect('ws://server.test/', { WebSocket, ...options })).toThrow(/^\w+Ms$|^max\w+$/)
})
