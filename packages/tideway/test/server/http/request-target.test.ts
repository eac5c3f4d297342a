import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import { path } from '../../../src/routing/route.ts'
import { urlRouter } from '../../../src/routing/url-router.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { serving, startServer, type ServerUnderTest } from '../serving.ts'

/** The target and the host of a request, as the application gets them. */
const seen = ({ rawPath, queryString, headers }: HttpScope | WebSocketScope): string =>
  JSON.stringify([`${rawPath}${queryString === '' ? '' : `?${queryString}`}`, headers.getAll('host')])

const http: Application<HttpScope> = async (scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: seen(scope) })
}
const websocket: Application<WebSocketScope> = async (scope, _receive, send) => {
  await send({ type: 'websocket.http.response.start', status: 200 })
  await send({ type: 'websocket.http.response.body', body: seen(scope) })
}
const listener = nodeListener(({ url, headers, rawHeaders }, response) => {
  const hosts = rawHeaders.filter((_value, i) => i % 2 === 1 && rawHeaders[i - 1]!.toLowerCase() === 'host')
  response.end(JSON.stringify([url, headers.host === hosts[0] ? hosts : headers.host]))
})

type Kind = 'request' | 'handshake' | 'nodeListener'
const kinds: readonly Kind[] = ['request', 'handshake', 'nodeListener']

describe.each(kinds)('the target of a %s', (kind) => {
  let server: ServerUnderTest
  beforeAll(async () => {
    server = await startServer({ http: kind === 'nodeListener' ? listener : http, websocket })
  })
  afterAll(() => server.close(1))

  async function ask(requestLine: string, Host: string | readonly string[] | undefined = 'localhost') {
    const client = await RawClient.connect(server.port)
    const head = kind === 'handshake' ? validHandshake : { Connection: 'close' }
    client.write(Buffer.from(requestText(requestLine, { ...head, Host }), 'latin1'))
    return client.response()
  }

  it.each([
    ['http://localhost/a?b=c', 'localhost', '/a?b=c', 'localhost'],
    ['HTTP://localhost:80/a', 'localhost', '/a', 'localhost:80'],
    ['https://other.example/a', 'localhost', '/a', 'other.example'],
    ['ws://localhost/a/', 'localhost', '/a/', 'localhost'],
    ['http://localhost', 'localhost', '/', 'localhost'],
    ['http://localhost?b', 'localhost', '/?b', 'localhost'],
    ['http://[::1]:8000/a', '', '/a', '[::1]:8000'],
  ])('sets path and host in absolute form, %s with the Host "%s" (RFC 9112 §3.2.2)', async (...row) => {
    const [target, host, pathAndQuery, authority] = row
    const { status, body } = await ask(`GET ${target} HTTP/1.1`, host)
    expect([status, JSON.parse(body)]).toEqual([200, [pathAndQuery, [authority]]])
  })

  it.each([
    ['/?a[]=1&b=100%&c={|}^`"<>', 'what browsers leave as it is in a query'],
    ['/a|b[c]', 'the same in a path'],
  ])('accepts %s: %s', async (target) => {
    const { status, body } = await ask(`GET ${target} HTTP/1.1`)
    expect([status, JSON.parse(body)]).toEqual([200, [target, ['localhost']]])
  })

  it.each([
    ['a fragment', '/a#b'],
    ['a fragment behind the query', '/a?b#c'],
    ['a byte over ASCII in the path', '/\xe9'],
    ['a byte over ASCII in the query', '/?\xe9'],
    ['no slash at its beginning', 'a/b'],
    ['an asterisk, which is for OPTIONS', '*'],
    ['a URL of another scheme', 'ftp://localhost/'],
    ['a URL without a host', 'http:///a'],
    ['a URL with a user', 'http://user@localhost/'],
    ['a URL whose host is none', 'http://a%zz/'],
  ])('is rejected with %s: 400', async (_what, target) => {
    expect((await ask(`GET ${target} HTTP/1.1`)).status).toBe(400)
  })

  it.each([
    ['with a path and a user in its Host', 'x/y@z'],
    ['with two Hosts', ['localhost', 'localhost']],
    ['with two Hosts beside a URL', ['localhost', 'localhost'], 'http://localhost/'],
    ['without a Host', undefined],
    ['without a Host beside a URL', undefined, 'http://localhost/'],
  ])('is rejected %s: 400', async (_what, host, target = '/') => {
    const client = await RawClient.connect(server.port)
    const head = kind === 'handshake' ? validHandshake : { Connection: 'close' }
    client.write(requestText(`GET ${target} HTTP/1.1`, { ...head, Host: host }))
    expect((await client.response()).status).toBe(400)
  })
})

describe('a path that a rule for raw prefixes in a proxy would miss', () => {
  it.each(['/ws/admin/', '//ws/admin/', '/%77s/admin/', '/ws%2Fadmin/'])(
    'reaches its route, as with Channels: %s',
    async (target) => {
      const server = await serving({ http: urlRouter([path('ws/admin/', http)]) })
      const client = await RawClient.connect(server.port)
      client.write(requestText(`GET ${target} HTTP/1.1`, { Host: 'localhost', Connection: 'close' }))
      expect(await client.response()).toMatchObject({ status: 200, body: JSON.stringify([target, ['localhost']]) })
    },
  )
})
