import { connect, TidewaySocket, type ClientError } from '@tideway/client'
import { expect, test, vi } from 'vitest'
import { fakeWebSockets } from './fake-web-socket.ts'
import { virtualClient } from './virtual-client.ts'

const { WebSocket } = fakeWebSockets()
const failsWith = (code: ClientError['code']): ClientError => expect.objectContaining({ code }) as ClientError

test('where there is no WebSocket, connect throws at once and says what to do', () => {
  vi.stubGlobal('WebSocket', undefined)
  expect(() => connect('ws://server.test/')).toThrow('pass one as an option')
  expect(() => new TidewaySocket('ws://server.test/')).toThrow(failsWith('ERR_NO_WEBSOCKET'))
  vi.unstubAllGlobals()
})

test('a global WebSocket is found', () => {
  vi.stubGlobal('WebSocket', WebSocket)
  connect('ws://server.test/').close()
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
])('the URL "%s" throws at once', (url) => {
  expect(() => connect(url, { WebSocket })).toThrow(failsWith('ERR_BAD_URL'))
})

test('in a page a relative URL is of the page, with its security', async () => {
  vi.stubGlobal('location', { href: 'https://page.test:8443/chat/lobby/?x=1' })
  const { sockets } = await virtualClient({}, '/ws/chat/')
  expect(sockets.last.url).toBe('wss://page.test:8443/ws/chat/')
  vi.unstubAllGlobals()
})

test('a URL function that returns a wrong URL closes the client: there is no endless retry', async () => {
  const { client, errors, pass, sockets } = await virtualClient({}, () => 'nonsense')
  expect(client.state).toMatchObject({ status: 'closed', why: 'misconfigured' })
  expect(errors).toEqual([failsWith('ERR_BAD_URL')])
  await pass(3_600_000)
  expect(sockets.all.length).toBe(0)
})

test('a WebSocket class that refuses (a malformed subprotocol, an insecure URL on a secure page) closes the client', async () => {
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
