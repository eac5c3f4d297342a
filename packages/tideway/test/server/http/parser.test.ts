import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { echo } from '../applications.ts'
import { RawClient } from '../raw-client.ts'
import { startServer, type ServerUnderTest } from '../serving.ts'

/** Responds with its request, so that a request parsed as two shows. */
const http: Application<HttpScope> = async ({ method, path }, receive, send) => {
  let body = ''
  for (;;) {
    const event = await receive()
    if (event.type !== 'http.request') return
    body += Buffer.from(event.body).toString()
    if (!event.moreBody) break
  }
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: `${method} ${path} ${body}` })
}

let server: ServerUnderTest
beforeAll(async () => {
  server = await startServer(
    { http, websocket: echo },
    { keepAliveTimeoutMs: 100, requestTimeoutMs: 500, headersTimeoutMs: 500 },
  )
})
afterAll(() => server.close(1))

/** The statuses of all responses to these bytes, until the server ends the connection. */
async function statuses(text: string): Promise<number[]> {
  const client = await RawClient.connect(server.port)
  client.write(Buffer.from(text, 'latin1'))
  await client.over()
  return [...client.received.toString('latin1').matchAll(/HTTP\/1\.1 (\d{3}) /g)].map(([, status]) => Number(status))
}

const post = (headers: string, body = ''): string => `POST / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n${body}`
const get = (headers: string): string => `GET / HTTP/1.1\r\nHost: a\r\n${headers}\r\n\r\n`
const chunked = (body: string): string => post('Transfer-Encoding: chunked', body)
const next = 'GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n'

describe('an ambiguous request', () => {
  it.each([
    ['two ways to say it', post('Content-Length: 3\r\nTransfer-Encoding: chunked', '0\r\n\r\n')],
    ['two ways, the other first', post('Transfer-Encoding: chunked\r\nContent-Length: 3', '0\r\n\r\n')],
    ['two lengths', post('Content-Length: 3\r\nContent-Length: 5', 'hello')],
    ['one length twice', post('Content-Length: 5\r\nContent-Length: 5', 'hello')],
    ['a list of lengths', post('Content-Length: 5, 5', 'hello')],
    ['a length with a sign', post('Content-Length: +5', 'hello')],
    ['a length in hex', post('Content-Length: 0x5', 'hello')],
    ['a length below zero', post('Content-Length: -1')],
    ['no length', post('Content-Length: ')],
    ['a length beyond all numbers', post('Content-Length: 99999999999999999999')],
    ['something like chunked', post('Transfer-Encoding: xchunked', '0\r\n\r\n')],
    ['chunked twice', post('Transfer-Encoding: chunked, chunked', '0\r\n\r\n')],
    ['chunked in two headers', post('Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked', '0\r\n\r\n')],
    ['chunked that is not the last', post('Transfer-Encoding: chunked, identity', '0\r\n\r\n')],
    ['a space before the colon', post('Transfer-Encoding : chunked', '0\r\n\r\n')],
    ['a vertical tab', post('Transfer-Encoding:\x0bchunked', '0\r\n\r\n')],
    [
      'chunks in HTTP/1.0',
      'POST / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    ],
    ['a chunk that ends with LF', chunked('5\nhello\r\n0\r\n\r\n')],
    ['the data of a chunk that ends with LF', chunked('5\r\nhello\n0\r\n\r\n')],
    ['an extension that ends with LF', chunked('5;a\nhello\r\n0\r\n\r\n')],
    ['a size in another notation', chunked('0x5\r\nhello\r\n0\r\n\r\n')],
    ['a size with a sign', chunked('+5\r\nhello\r\n0\r\n\r\n')],
    ['a size with a space', chunked('5 \r\nhello\r\n0\r\n\r\n')],
    ['a size beyond all numbers', chunked('ffffffffffffffffff\r\n')],
    ['a chunk that is longer than it says', chunked('3\r\nhello\r\n0\r\n\r\n')],
    ['a header in two lines', get('X: a\r\n b')],
    ['lines that end with LF', 'GET / HTTP/1.1\nHost: a\n\n'],
    ['one line that ends with LF', 'GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n'],
    ['a CR in a value', get('X: a\rb')],
    ['a NUL in a value', get('X: a\0b')],
    ['a header without a name', get(': b')],
    ['a name with parentheses', get('X(y): b')],
    ['a space in front of the first header', 'GET / HTTP/1.1\r\n Host: a\r\n\r\n'],
    ['a space in the target', 'GET /a b HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['bytes that are no ASCII in the target', 'GET /r\xe4k HTTP/1.1\r\nHost: a\r\n\r\n'],
    ['a fragment in the target', 'GET /a#b HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'],
  ])('is rejected: %s: 400, and later bytes are not read', async (_what, text) => {
    const answers = await statuses(text.includes('/a#b') ? text : text + next)
    expect(answers.at(-1)).toBe(400)
    expect(answers.filter((status) => status === 200).length).toBe(0)
  })

  it('is rejected: an unknown coding: 501', async () => {
    expect(await statuses(post('Transfer-Encoding: gzip, chunked', '0\r\n\r\n'))).toEqual([501])
  })
})

describe('the Host', () => {
  it.each([
    ['there is none', 'GET / HTTP/1.1\r\n\r\n'],
    ['there are two', get('Host: b')],
    ['it is there twice', get('Host: a')],
    ['it is no host', 'GET / HTTP/1.1\r\nHost: a b/c\r\n\r\n'],
    ['it has a user', 'GET / HTTP/1.1\r\nHost: me@a\r\n\r\n'],
    ['its port is no number', 'GET / HTTP/1.1\r\nHost: a:http\r\n\r\n'],
  ])('is rejected where %s: 400', async (_what, text) => {
    expect(await statuses(text)).toEqual([400])
  })

  it.each(['a', 'a.example:8000', '127.0.0.1', '[::1]:8000', '[::ffff:127.0.0.1]', 'xn--rk-via.example', 'a_b', ''])(
    'may be "%s"',
    async (host) => {
      expect(await statuses(`GET / HTTP/1.1\r\nHost: ${host}\r\n\r\n`)).toEqual([200])
    },
  )

  it('can be missing in HTTP/1.0', async () => {
    expect(await statuses('GET / HTTP/1.0\r\n\r\n')).toEqual([200])
  })
})

describe('a valid but unusual request', () => {
  it.each([
    ['chunked in capitals', post('Transfer-Encoding: CHUNKED', '5\r\nhello\r\n0\r\n\r\n')],
    ['extensions and trailers of chunks', chunked('5;a=b\r\nhello\r\n0\r\nX-Trailer: 1\r\n\r\n')],
    ['bytes of Latin-1 in a value', get('X: r\xe4k')],
    ['empty lines in front', `\r\n\r\n${get('X: a')}`],
    ['a target with a host', 'GET http://a/b HTTP/1.1\r\nHost: a\r\n\r\n'],
  ])('is served: %s', async (_what, text) => {
    expect(await statuses(text)).toEqual([200])
  })

  it('is served: two requests in a row', async () => {
    expect(await statuses(get('X: a') + next)).toEqual([200, 200])
  })

  it('gets 417: an unknown expectation', async () => {
    expect((await statuses(post('Expect: 200-ok\r\nContent-Length: 5', 'hello')))[0]).toBe(417)
  })
})

describe('a handshake', () => {
  const asking =
    'Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13'

  it.each([
    ['a length', get(`${asking}\r\nContent-Length: 5`)],
    ['chunks', get(`${asking}\r\nTransfer-Encoding: chunked`)],
  ])('is rejected if it announces a body by %s: 400', async (_what, text) => {
    expect(await statuses(text)).toEqual([400])
  })

  it('is accepted if it announces an empty body', async () => {
    const client = await RawClient.connect(server.port)
    client.write(get(`${asking}\r\nContent-Length: 0`))
    expect((await client.head()).status).toBe(101)
    client.socket.destroy()
  })
})
