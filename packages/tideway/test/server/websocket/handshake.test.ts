import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { Application } from '../../../src/asgi/application.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { accepting } from '../applications.ts'
import { RawClient, requestText, SAMPLE_KEY, validHandshake, type RawResponse } from '../raw-client.ts'
import { serving, startServer, type ServerUnderTest } from '../serving.ts'

let server: ServerUnderTest
let calls = 0

beforeAll(async () => {
  const websocket = accepting(() => {
    calls++
  })
  server = await startServer({ websocket })
})
afterAll(() => server.close(1))

type Headers = Readonly<Record<string, string | readonly string[] | undefined>>

async function ask(changed: Headers, requestLine = 'GET / HTTP/1.1'): Promise<Omit<RawResponse, 'body'>> {
  const client = await RawClient.connect(server.port)
  client.write(requestText(requestLine, { ...validHandshake, ...changed }))
  const head = await client.head()
  client.socket.destroy()
  return head
}

async function refusal(changed: Headers, requestLine = 'GET / HTTP/1.1'): Promise<RawResponse> {
  const callsBefore = calls
  const client = await RawClient.connect(server.port)
  client.write(requestText(requestLine, { ...validHandshake, ...changed }))
  const response = await client.response()
  expect(calls).toBe(callsBefore)
  return response
}

describe('a handshake that is answered by 101 (RFC 6455 §4.2.2)', () => {
  it('has the accept key of the example of the RFC', async () => {
    const { statusLine, headers } = await ask({ 'Sec-WebSocket-Key': SAMPLE_KEY })
    expect(statusLine).toBe('HTTP/1.1 101 Switching Protocols')
    expect(headers).toEqual({
      upgrade: 'websocket',
      connection: 'Upgrade',
      'sec-websocket-accept': 's3pPLMBiTxaQ9kYGzzhZRbK+xOo=',
    })
  })

  it.each<[string, Headers]>([
    ['tokens in any case', { Upgrade: 'WebSocket', Connection: 'UPGRADE' }],
    ['Upgrade among other options of the connection', { Connection: 'keep-alive, Upgrade' }],
    ['websocket among other protocols', { Upgrade: 'h2c, websocket' }],
    ['header names in any case', { 'Sec-WebSocket-Key': undefined, 'sec-WEBSOCKET-key': SAMPLE_KEY }],
    ['extensions that the server does not know', { 'Sec-WebSocket-Extensions': 'x-unknown; a=b, permessage-deflate' }],
    ['a connection option between empty elements', { Connection: ' ,, Upgrade, ' }],
    ['a protocol between empty elements', { Upgrade: ',\twebsocket ,' }],
    ['an empty list of extensions', { 'Sec-WebSocket-Extensions': '' }],
    ['an origin', { Origin: 'https://example.com' }],
    ['unknown headers', { 'X-Whatever': 'ö'.repeat(100) }],
  ])('accepts %s', async (_what, headers) => {
    const response = await ask(headers)
    expect(response.status).toBe(101)
    expect(response.headers).not.toHaveProperty('sec-websocket-extensions')
  })
})

describe('a handshake that is refused (RFC 6455 §4.2.1)', () => {
  it.each<[string, Headers, number]>([
    ['no version', { 'Sec-WebSocket-Version': undefined }, 426],
    ['version 8', { 'Sec-WebSocket-Version': '8' }, 426],
    ['version 14', { 'Sec-WebSocket-Version': '14' }, 426],
    ['two versions', { 'Sec-WebSocket-Version': ['13', '8'] }, 426],
    ['no key', { 'Sec-WebSocket-Key': undefined }, 400],
    ['an empty key', { 'Sec-WebSocket-Key': '' }, 400],
    ['a key of 15 bytes', { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAA' }, 400],
    ['a key of 17 bytes', { 'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAAA=' }, 400],
    ['a key that is not base64', { 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25j!Q==' }, 400],
    ['two keys', { 'Sec-WebSocket-Key': [SAMPLE_KEY, SAMPLE_KEY] }, 400],
    ['no Host', { Host: undefined }, 400],
    ['two Hosts (RFC 9112 §3.2)', { Host: ['localhost', 'evil.example'] }, 400],
    ['a subprotocol that is not a token', { 'Sec-WebSocket-Protocol': 'a b' }, 400],
    ['a subprotocol twice', { 'Sec-WebSocket-Protocol': ['a, b', 'a'] }, 400],
  ])('is refused for %s', async (_what, headers, status) => {
    const response = await refusal(headers)
    expect(response.status).toBe(status)
    expect(response.headers).toMatchObject({ connection: expect.stringContaining('close') as string })
  })

  it.each([
    ['POST', 'POST / HTTP/1.1', 405],
    ['a path with a bad escape', 'GET /%zz HTTP/1.1', 400],
    ['a path whose escapes are not UTF-8', 'GET /%ff HTTP/1.1', 400],
    ['a path that is not ASCII', 'GET /\u00e9 HTTP/1.1', 400],
    ['a target that is not a path', 'GET * HTTP/1.1', 400],
  ])('is refused for %s', async (_what, requestLine, status) => {
    expect(await refusal({}, requestLine)).toMatchObject({ status })
  })

  it('answers a HEAD without a body (RFC 9110 §9.3.2)', async () => {
    expect(await refusal({}, 'HEAD / HTTP/1.1')).toMatchObject({ status: 405, body: '', headers: { allow: 'GET' } })
    expect(await refusal({ Host: undefined }, 'HEAD / HTTP/1.1')).toMatchObject({ status: 400, body: '' })
  })

  it('names the supported version and protocol', async () => {
    const { headers } = await refusal({ 'Sec-WebSocket-Version': '8' })
    expect(headers).toMatchObject({ 'sec-websocket-version': '13', upgrade: 'websocket', connection: 'close, Upgrade' })
    expect(await refusal({}, 'POST / HTTP/1.1')).toMatchObject({ headers: { allow: 'GET' } })
  })

  it('has a plain text body with the reason, of the length in Content-Length', async () => {
    const { headers, body } = await refusal({ 'Sec-WebSocket-Key': undefined })
    expect(body).toBe('Sec-WebSocket-Key is missing or invalid.\n')
    expect(headers).toMatchObject({
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(body.length),
      'x-content-type-options': 'nosniff',
      date: expect.stringContaining('GMT') as string,
    })
  })

  it('leaves no connection if the client disconnects without reading the refusal', async () => {
    const client = await RawClient.connect(server.port)
    client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'Sec-WebSocket-Key': 'x' }))
    client.reset()
    expect(await refusal({ 'Sec-WebSocket-Key': 'x' })).toMatchObject({ status: 400 })
  })

  it('closes the connection of a client that continues to send', async () => {
    const client = await RawClient.connect(server.port, { allowHalfOpen: true })
    client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'Sec-WebSocket-Key': 'x' }))
    client.write(Buffer.alloc(100_000))
    await client.over()
    expect(client.isOver).toBe(true)
    client.socket.destroy()
  })
})

describe('the scope of a WebSocket', () => {
  async function scopeOf(path: string, headers: Record<string, string> = {}, rootPath = ''): Promise<WebSocketScope> {
    const seen: WebSocketScope[] = []
    const websocket: Application<WebSocketScope> = async (scope, _receive, send) => {
      seen.push(scope)
      await send({ type: 'websocket.accept', subprotocol: 'chat.v1' })
    }
    const { webSocketUrl } = await serving({ websocket }, { rootPath })
    const client = new WebSocket(webSocketUrl + path, ['chat.v2', 'chat.v1'], { headers })
    await new Promise((resolve, reject) => client.once('close', resolve).once('error', reject))
    return seen[0]!
  }

  it('has every key of ASGI', async () => {
    const scope = await scopeOf('/ws/caf%C3%A9/?a=1&b=%20?', {}, '/app')
    expect(scope).toMatchObject({
      type: 'websocket',
      asgi: { version: '3.0', specVersion: '2.5' },
      httpVersion: '1.1',
      scheme: 'ws',
      path: '/ws/café/',
      rawPath: '/ws/caf%C3%A9/',
      queryString: 'a=1&b=%20?',
      rootPath: '/app',
      client: { host: '127.0.0.1', port: expect.any(Number) as number },
      server: { host: '127.0.0.1', port: expect.any(Number) as number },
      subprotocols: ['chat.v2', 'chat.v1'],
      extensions: { 'websocket.http.response': {} },
      logger: expect.anything() as unknown,
    })
  })

  it.each([
    ['', []],
    [' ,, ', []],
    ['chat,,v2', ['chat', 'v2']],
    [',chat , \tv2,', ['chat', 'v2']],
  ])('has no subprotocol for an empty element (RFC 9110 §5.6.1.2): %j', async (header, expected) => {
    let subprotocols: readonly string[] | undefined
    const websocket = accepting(({ scope }) => {
      ;({ subprotocols } = scope)
    })
    const { port } = await serving({ websocket })
    const client = await RawClient.connect(port)
    client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'Sec-WebSocket-Protocol': header }))
    expect(await client.head()).toMatchObject({ status: 101 })
    client.socket.destroy()
    expect(subprotocols).toEqual(expected)
  })

  it('has the headers in order, their names in lower case', async () => {
    const { headers } = await scopeOf('/', { 'X-First': '1', 'x-second': 'Zwei' })
    const names = [...headers].map(([name]) => name)
    expect(names).toEqual(names.map((name) => name.toLowerCase()))
    expect(names.indexOf('x-first')).toBe(names.indexOf('x-second') - 1)
    expect(headers.get('X-Second')).toBe('Zwei')
  })
})
