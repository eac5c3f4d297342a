import { once } from 'node:events'
import { constants } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import express from 'express'
import { expect, it } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpReceiveEvent } from '../../../src/asgi/http-events.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import type { AccessEntry } from '../../../src/server/observe/access-log/access-entry.ts'
import { fetchHandler } from '../../../src/server/http/fetch-handler.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'
import { suiteCertificates } from '../tls/certificates.ts'
import { getHttps } from '../tls/tls-client.ts'
import { answerOf, get, openHttp2, openRawHttp2 } from './http2-client.ts'
import { frame, PREFACE } from './raw-frames.ts'

const MIB = 1024 * 1024

describeWith(['openssl'], 'a request over HTTP/2', () => {
  const certificates = suiteCertificates()

  function start(http: Application<HttpScope>, options: ServeOptions = {}): Promise<ServerUnderTest> {
    return serving({ http }, { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile, ...options })
  }

  async function session(http: Application<HttpScope>, options: ServeOptions = {}) {
    const server = await start(http, options)
    return { server, client: await openHttp2(server.url, { ca: certificates.pair.cert }) }
  }

  const ok: Application<HttpScope> = async (scope, _receive, send) => {
    await send({ type: 'http.response.start', status: 200 })
    await send({ type: 'http.response.body', body: `ok ${scope.httpVersion}` })
  }

  it('is negotiated in the TLS handshake; other clients speak HTTP/1.1', async () => {
    const server = await start(ok)
    for (const [offered, agreed] of [
      [['h2', 'http/1.1'], 'h2'],
      [['http/1.1'], 'http/1.1'],
    ] as const) {
      const socket = connectTls({
        port: server.port,
        host: '127.0.0.1',
        ca: certificates.pair.cert,
        ALPNProtocols: [...offered],
      })
      await once(socket, 'secureConnect')
      expect(socket.alpnProtocol).toBe(agreed)
      socket.destroy()
    }
    expect((await getHttps(server.url, { ca: certificates.pair.cert })).body).toBe('ok 1.1')
    const client = await openHttp2(server.url, { ca: certificates.pair.cert })
    expect((await get(client, '/')).body).toBe('ok 2')
  })

  it('is not negotiated with http2: false', async () => {
    const server = await start(ok, { http2: false })
    const socket = connectTls({
      port: server.port,
      host: '127.0.0.1',
      ca: certificates.pair.cert,
      ALPNProtocols: ['h2', 'http/1.1'],
    })
    await once(socket, 'secureConnect')
    expect(socket.alpnProtocol).toBe('http/1.1')
    socket.destroy()
  })

  it('has a scope like that of HTTP/1.1, of version 2, with each cookie header', async () => {
    let scope: HttpScope | undefined
    const { server, client } = await session(async (given, receive, send) => {
      scope = given
      await ok(given, receive, send)
    })
    await get(client, '/caf%C3%A9?a=1', { cookie: ['a=1', 'b=2'], 'x-one': 'more', te: 'trailers' })
    expect(scope).toMatchObject({
      type: 'http',
      httpVersion: '2',
      scheme: 'https',
      method: 'GET',
      path: '/café',
      rawPath: '/caf%C3%A9',
      queryString: 'a=1',
      client: { host: '127.0.0.1' },
      server: { host: '127.0.0.1', port: server.port },
    })
    expect([...scope!.headers]).toEqual([
      ['host', `127.0.0.1:${server.port}`],
      ['cookie', 'a=1'],
      ['cookie', 'b=2'],
      ['x-one', 'more'],
      ['te', 'trailers'],
    ])
    expect(Object.keys(scope!.extensions!)).toContain('tls')
  })

  it('keeps several headers of one name in the response, and drops connection headers', async () => {
    const { client } = await session(async (_scope, _receive, send) => {
      const headers = [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
        ['Connection', 'close'],
        ['Keep-Alive', 'timeout=5'],
        ['X-Name', 'Räksmörgås'],
      ] as const
      await send({ type: 'http.response.start', status: 201, headers })
      await send({ type: 'http.response.body', body: 'made' })
    })
    const { status, headers, body } = await get(client, '/')
    expect([status, body]).toEqual([201, 'made'])
    expect(headers).toMatchObject({ 'set-cookie': ['a=1', 'b=2'], 'content-length': '4', 'x-name': 'Räksmörgås' })
    expect(Object.keys(headers)).not.toEqual(expect.arrayContaining(['connection', 'keep-alive']))
  })

  it('reaches Express, with its body, its cookies and its host', async () => {
    const app = express()
    app.post('/echo', express.json(), (request, response) => {
      response.cookie('a', '1').cookie('b', '2')
      const { secure, httpVersion, body } = request
      response.status(202).json({ secure, httpVersion, body: body as unknown, cookie: request.get('cookie') })
    })
    const { client } = await session(nodeListener(app))
    const stream = client.request({
      ':method': 'POST',
      ':path': '/echo',
      'content-type': 'application/json',
      cookie: ['x=1', 'y=2'],
    })
    stream.end(JSON.stringify({ text: 'hello' }))
    const { status, headers, body } = await answerOf(stream)
    expect(status).toBe(202)
    expect(headers['set-cookie']).toEqual(['a=1; Path=/', 'b=2; Path=/'])
    expect(JSON.parse(body)).toEqual({ secure: true, httpVersion: '2.0', body: { text: 'hello' }, cookie: 'x=1; y=2' })
    expect((await get(client, '/no-such')).status).toBe(404)
  })

  it('reaches a fetch handler, with both bodies streamed', async () => {
    const { client } = await session(
      fetchHandler((request) => new Response(request.body, { headers: { 'x-url': request.url } })),
    )
    const stream = client.request({ ':method': 'POST', ':path': '/a?b' })
    stream.write('first ')
    const [headers] = (await once(stream, 'response')) as [Record<string, string>]
    expect(headers['x-url']).toMatch(/^https:\/\/127\.0\.0\.1:\d+\/a\?b$/)
    stream.end('second')
    expect((await stream.setEncoding('utf8').toArray()).join('')).toBe('first second')
  })

  it.each(['HEAD', 'GET'])('with %s can have a response without a body', async (method) => {
    const { client } = await session(async (_scope, _receive, send) => {
      const isHead = method === 'HEAD'
      await send({
        type: 'http.response.start',
        status: isHead ? 200 : 204,
        headers: isHead ? { 'Content-Length': '5' } : {},
      })
      await send({ type: 'http.response.body', body: isHead ? 'hello' : '' })
    })
    const { headers, status, body } = await get(client, '/', { ':method': method })
    expect([status, headers['content-length'], body]).toEqual(method === 'HEAD' ? [200, '5', ''] : [204, undefined, ''])
  })

  it('gets trailers if it asks for them', async () => {
    const { client } = await session(async (_scope, _receive, send) => {
      await send({ type: 'http.response.start', status: 200, trailers: true })
      await send({ type: 'http.response.body', body: 'body' })
      await send({ type: 'http.response.trailers', headers: { 'X-Checksum': 'abc' } })
    })
    for (const [te, expected] of [
      ['trailers', 'abc'],
      [undefined, undefined],
    ] as const) {
      const stream = client.request({ ':path': '/', ...(te !== undefined && { te }) })
      let trailers: Record<string, unknown> = {}
      stream.on('trailers', (given: Record<string, unknown>) => {
        trailers = given
      })
      expect((await answerOf(stream)).body).toBe('body')
      expect(trailers['x-checksum']).toBe(expected)
    }
  })

  it('gets 100 if it expects it', async () => {
    const { client } = await session(fetchHandler(async (request) => new Response(await request.text())))
    const stream = client.request({ ':method': 'POST', ':path': '/', expect: '100-continue' })
    await once(stream, 'continue')
    stream.end('after')
    expect((await answerOf(stream)).body).toBe('after')
  })

  it('is not read faster than the application reads it', async () => {
    let receive: (() => HttpReceiveEvent | Promise<HttpReceiveEvent>) | undefined
    let finish: (() => void) | undefined
    const { client } = await session(async (_scope, given, send) => {
      receive = given
      await new Promise<void>((resolve) => {
        finish = resolve
      })
      let length = 0
      for (let more = true; more;) {
        const event = await given()
        if (event.type === 'http.disconnect') return
        length += event.body.byteLength
        more = event.moreBody
      }
      await send({ type: 'http.response.start', status: 200 })
      await send({ type: 'http.response.body', body: String(length) })
    })
    const stream = client.request({ ':method': 'POST', ':path': '/' })
    const answer = answerOf(stream)
    stream.end(Buffer.alloc(4 * MIB))
    await eventually(() => receive !== undefined).toBe(true)
    // It does not block other streams of the connection.
    const { client: other } = await session(ok)
    for (let i = 0; i < 50; i++) await get(other, '/')
    expect(stream.writableFinished).toBe(false)
    finish!()
    expect((await answer).body).toBe(String(4 * MIB))
  })

  it('is not answered faster than the client reads', async () => {
    let sent = 0
    const { client } = await session(async (_scope, _receive, send) => {
      await send({ type: 'http.response.start', status: 200 })
      for (; sent < 64; sent++) await send({ type: 'http.response.body', body: Buffer.alloc(MIB), moreBody: true })
      await send({ type: 'http.response.body' })
    })
    const stream = client.request({ ':path': '/' })
    await once(stream, 'response')
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    expect(sent).toBeLessThan(8)
    let length = 0
    for await (const chunk of stream) length += (chunk as Buffer).length
    expect(length).toBe(64 * MIB)
  })

  it('sends http.disconnect to the application if it is reset', async () => {
    const events: string[] = []
    const { client } = await session(async (_scope, receive, send) => {
      await send({ type: 'http.response.start', status: 200 })
      await send({ type: 'http.response.body', body: 'a', moreBody: true })
      for (let type = ''; type !== 'http.disconnect'; events.push(type)) ({ type } = await receive())
    })
    const stream = client.request({ ':path': '/' })
    await once(stream, 'response')
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => events.at(-1)).toBe('http.disconnect')
    expect(events).toEqual(['http.request', 'http.disconnect'])
  })

  it('is reset if the application fails after the start of the response', async () => {
    const { server, client } = await session(async (_scope, _receive, send) => {
      await send({ type: 'http.response.start', status: 200 })
      await send({ type: 'http.response.body', body: 'half', moreBody: true })
      throw new Error('broken')
    })
    const stream = client.request({ ':path': '/' }).resume()
    const [error] = (await once(stream, 'error')) as [Error]
    expect(error.message).toContain('NGHTTP2_INTERNAL_ERROR')
    expect(server.log).toMatchObject([{ level: 'error' }])
    // The stream does not own the connection.
    expect(client.destroyed).toBe(false)
  })

  it('gets 500 if the application fails before the response', async () => {
    const { client } = await session(() => Promise.reject(new Error('broken')))
    expect(await get(client, '/')).toMatchObject({ status: 500 })
  })

  it('ends with its response if the application does not read its body', async () => {
    const { client } = await session(ok)
    const stream = client.request({ ':method': 'POST', ':path': '/' })
    stream.write(Buffer.alloc(MIB))
    expect((await answerOf(stream)).body).toBe('ok 2')
    if (!stream.closed) await once(stream, 'close')
    expect(stream.rstCode).toBe(constants.NGHTTP2_NO_ERROR)
  })

  it.each([
    ['a CONNECT', { ':method': 'CONNECT', ':authority': 'localhost:1' }, 501],
    [
      'an unknown protocol',
      { ':method': 'CONNECT', ':protocol': 'chat', ':path': '/', ':scheme': 'https', ':authority': 'a' },
      501,
    ],
    ['a Host that is not the authority', { ':path': '/', ':authority': 'a', host: 'b' }, 400],
    ['a path that cannot be decoded', { ':path': '/%ff' }, 400],
  ])('is refused with %s', async (_what, headers, status) => {
    const { client } = await session(ok)
    const stream = client.request(headers)
    const [answered] = (await once(stream.resume(), 'response')) as [Record<string, unknown>]
    expect(answered[':status']).toBe(status)
    stream.close()
  })

  it('arrives without fields whose values HTTP/2 does not allow (RFC 9113 §8.2.1)', async () => {
    const names = new Promise<string[]>((resolve) => {
      void start(async (scope, receive, send) => {
        resolve([...scope.headers].map(([name]) => name))
        await ok(scope, receive, send)
      }).then(async ({ port }) => {
        const socket = await openRawHttp2(port, certificates.pair.cert)
        const field = (name: string, value: string): Buffer =>
          Buffer.from(
            `\0${String.fromCharCode(name.length)}${name}${String.fromCharCode(value.length)}${value}`,
            'latin1',
          )
        const bad = ['a\r\nx: 1', 'a\nb', 'a\0b', ' a', 'a\t']
        const fields = [...bad.map((value, i) => field(`x-${i}`, value)), field('x-good', 'a b')]
        // The fields of getFrame: GET https://a/.
        const block = Buffer.concat([Buffer.from('828487410161', 'hex'), ...fields])
        socket.write(Buffer.concat([PREFACE, frame(0x1, 0x5, 1, block)]))
        socket.resume()
      })
    })
    expect(await names).toEqual(['host', 'x-good'])
  })

  it('has its line in the access log', async () => {
    const entries: AccessEntry[] = []
    const { client } = await session(ok, { accessLog: (entry) => entries.push(entry) })
    await get(client, '/a?token=secret')
    await eventually(() => entries.length).toBe(1)
    expect(entries).toMatchObject([
      {
        type: 'http',
        method: 'GET',
        path: '/a?token=REDACTED',
        httpVersion: '2.0',
        status: 200,
        bytes: 4,
        client: '127.0.0.1',
      },
    ])
  })
})
