import { once } from 'node:events'
import type { IncomingHttpHeaders } from 'node:http2'
import { expect, it, onTestFinished } from 'vitest'
import { WebSocket, type ClientOptions } from 'ws'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import type { WithSession } from '../../../src/auth/session-middleware.ts'
import { sessionMiddlewareStack } from '../../../src/auth/stacks.ts'
import { originValidator } from '../../../src/security/origin-validator.ts'
import { openHttp2 } from '../http2/http2-client.ts'
import { Http2WebSocket } from '../http2/http2-web-socket.ts'
import { serving, type ServerUnderTest } from '../serving.ts'
import { suiteCertificates } from './certificates.ts'

/** Counts the visits of a session, and says how many there were. */
const countVisits: Application<WebSocketScope & WithSession> = async ({ session }, receive, send) => {
  const visits = ((session.get('visits') as number | undefined) ?? 0) + 1
  session.set('visits', visits)
  await session.save()
  await send({ type: 'websocket.accept' })
  await send({ type: 'websocket.send', text: String(visits) })
  while ((await receive()).type !== 'websocket.disconnect');
}

/** What a visitor saw of a handshake. */
interface Visit {
  readonly status: number
  readonly cookies: readonly string[]
  readonly message?: string
}

describeWith(['openssl'], 'wss from end to end', () => {
  const certificates = suiteCertificates()

  function site(isSecure: boolean): Promise<ServerUnderTest> {
    const websocket = originValidator(sessionMiddlewareStack(countVisits), ['https://example.org'])
    return serving(
      { websocket },
      isSecure ? { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile } : {},
    )
  }

  function visitByWs(server: ServerUnderTest, options: ClientOptions): Promise<Visit> {
    const client = new WebSocket(server.webSocketUrl, {
      ca: certificates.pair.cert,
      origin: 'https://example.org',
      ...options,
    })
    onTestFinished(() => client.terminate())
    client.on('error', () => {})
    return new Promise((resolve) => {
      client.once('upgrade', ({ statusCode, headers }) => {
        client.once('message', (text: Buffer) =>
          resolve({ status: statusCode!, cookies: headers['set-cookie'] ?? [], message: text.toString() }),
        )
      })
      client.once('unexpected-response', (_request, { statusCode }) => resolve({ status: statusCode!, cookies: [] }))
    })
  }

  async function visitByHttp2(server: ServerUnderTest, { headers }: ClientOptions): Promise<Visit> {
    const session = await openHttp2(server.url, { ca: certificates.pair.cert })
    const stream = Http2WebSocket.request(session, { origin: 'https://example.org', ...headers })
    const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    const [frame] = (await once(stream, 'data')) as [Buffer]
    return {
      status: Number(answered[':status']),
      cookies: answered['set-cookie'] ?? [],
      message: frame.subarray(2).toString(),
    }
  }

  it.each([
    ['HTTP/1.1', visitByWs],
    ['HTTP/2', visitByHttp2],
  ])('sets a Secure session cookie in a handshake of %s, and reads it again', async (_version, visit) => {
    const server = await site(true)
    const first = await visit(server, {})
    expect(first.message).toBe('1')
    expect(first.cookies).toEqual([expect.stringMatching(/; HttpOnly; Secure; SameSite=Lax$/)])
    const [cookie] = first.cookies[0]!.split(';')
    expect((await visit(server, { headers: { cookie: cookie! } })).message).toBe('2')
    // What was set over one version of HTTP is known over the other.
    const other = visit === visitByWs ? visitByHttp2 : visitByWs
    expect((await other(server, { headers: { cookie: cookie! } })).message).toBe('3')
  })

  it('sets no Secure cookie without TLS, which no browser would send back', async () => {
    const server = await site(false)
    const { cookies } = await visitByWs(server, {})
    expect(cookies).toEqual([expect.not.stringContaining('Secure')])
  })

  it.each([
    ['https://example.org', 101],
    ['https://example.org:443', 101],
    ['http://example.org', 403],
    ['https://example.com', 403],
  ])('answers the origin %s with %i', async (origin, status) => {
    const server = await site(true)
    expect((await visitByWs(server, { origin })).status).toBe(status)
  })

  it('answers a forbidden origin over HTTP/2 with 403', async () => {
    const server = await site(true)
    expect((await visitByHttp2(server, { headers: { origin: 'http://example.org' } })).status).toBe(403)
    expect((await visitByHttp2(server, {})).status).toBe(200)
  })
})
