import { once } from 'node:events'
import { constants, type ClientHttp2Session, type IncomingHttpHeaders, type OutgoingHttpHeaders } from 'node:http2'
import { constants as zlibConstants, deflateRawSync, inflateRawSync } from 'node:zlib'
import { expect, it } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { accepting, echo, Recorder } from '../applications.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'
import { suiteCertificates } from '../tls/certificates.ts'
import { answerOf, openHttp2 } from './http2-client.ts'
import { Http2WebSocket } from './http2-web-socket.ts'

describeWith(['openssl'], 'a WebSocket over HTTP/2 (RFC 8441)', () => {
  const certificates = suiteCertificates()

  async function connected(
    websocket: Application<WebSocketScope>,
    options: ServeOptions = {},
  ): Promise<{ server: ServerUnderTest; client: ClientHttp2Session }> {
    const server = await serving(
      { websocket },
      { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile, ...options },
    )
    return { server, client: await openHttp2(server.url, { ca: certificates.pair.cert }) }
  }

  /** The answer to a handshake that is refused. */
  function refused(client: ClientHttp2Session, headers: OutgoingHttpHeaders = {}) {
    return answerOf(Http2WebSocket.request(client, headers))
  }

  it('is offered by the settings of the server', async () => {
    const { client } = await connected(echo)
    expect(client.remoteSettings).toMatchObject({ enableConnectProtocol: true, maxConcurrentStreams: 100 })
  })

  it('echoes text and binary, of every size', async () => {
    const { client } = await connected(echo)
    const socket = await Http2WebSocket.open(client)
    for (const text of ['', 'Hello', 'räksmörgås', 'x'.repeat(70_000), 'y'.repeat(500_000)]) {
      socket.send('text', text)
      expect(await socket.frame()).toBe(`text ${text}`)
    }
    socket.send('binary', Buffer.from('00ff', 'hex'))
    expect(await socket.frame()).toBe('binary 00ff')
    socket.send('ping', 'are you there')
    expect(await socket.frame()).toBe('pong are you there')
  })

  it('has a scope of version 2 with the headers of its request', async () => {
    let scope: WebSocketScope | undefined
    const { server, client } = await connected(
      accepting((connection) => {
        ;({ scope } = connection)
      }),
    )
    await Http2WebSocket.open(client, {
      ':path': '/ws/a%20b/?q=1',
      origin: 'https://example.org',
      cookie: ['a=1', 'b=2'],
      'sec-websocket-protocol': 'chat,, other,',
      'sec-websocket-extensions': '',
    })
    expect(scope).toMatchObject({
      type: 'websocket',
      httpVersion: '2',
      scheme: 'wss',
      path: '/ws/a b/',
      queryString: 'q=1',
      subprotocols: ['chat', 'other'],
      server: { host: '127.0.0.1', port: server.port },
    })
    const { headers, extensions } = scope!
    expect([headers.get('host'), headers.get('origin'), headers.getAll('cookie')]).toEqual([
      'localhost',
      'https://example.org',
      ['a=1', 'b=2'],
    ])
    expect(Object.keys(extensions!)).toEqual(['websocket.http.response', 'tls'])
  })

  it('is accepted with 200, with the subprotocol and the headers of the application', async () => {
    const { client } = await connected(async (_scope, receive, send) => {
      await receive()
      const headers = [
        ['Set-Cookie', 'a=1'],
        ['Set-Cookie', 'b=2'],
      ] as const
      await send({ type: 'websocket.accept', subprotocol: 'chat', headers })
      await receive()
    })
    const stream = Http2WebSocket.request(client, { 'sec-websocket-protocol': 'other, chat' })
    const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    expect(answered).toMatchObject({ ':status': 200, 'sec-websocket-protocol': 'chat', 'set-cookie': ['a=1', 'b=2'] })
    for (const name of ['upgrade', 'connection', 'sec-websocket-accept']) expect(answered).not.toHaveProperty([name])
    stream.close()
  })

  it('compresses messages if both sides support it', async () => {
    const { client } = await connected(echo, { compression: { thresholdBytes: 0 } })
    const stream = Http2WebSocket.request(client, { 'sec-websocket-extensions': 'permessage-deflate' })
    const [answered] = (await once(stream, 'response')) as [IncomingHttpHeaders]
    expect(answered['sec-websocket-extensions']).toContain('permessage-deflate')
    const text = 'hello '.repeat(20)
    const packed = deflateRawSync(text, { finishFlush: zlibConstants.Z_SYNC_FLUSH }).subarray(0, -4)
    stream.write(Buffer.concat([Buffer.from([0xc1, 0x80 | packed.length, 0, 0, 0, 0]), packed]))
    const [frame] = (await once(stream, 'data')) as [Buffer]
    expect(frame[0]).toBe(0xc1)
    const tail = Buffer.from('0000ffff', 'hex')
    const unpacked = inflateRawSync(Buffer.concat([frame.subarray(2), tail]), {
      finishFlush: zlibConstants.Z_SYNC_FLUSH,
    })
    expect(unpacked.toString()).toBe(text)
    stream.close()
  })

  it('answers the close frame of the client, and ends the stream', async () => {
    const recorder = new Recorder()
    const { client, server } = await connected(recorder.application)
    const socket = await Http2WebSocket.open(client)
    socket.sendClose(4001)
    expect(await socket.frame()).toBe('close 4001')
    socket.stream.end()
    expect(await socket.closed()).toBe(constants.NGHTTP2_NO_ERROR)
    expect(await recorder.disconnect()).toMatchObject({ code: 4001 })
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('is closed by the application with a close frame and the end of the stream', async () => {
    const { client, server } = await connected(
      accepting(({ send }) => send({ type: 'websocket.close', code: 4002, reason: 'enough' })),
    )
    const socket = await Http2WebSocket.open(client)
    expect(await socket.frame()).toBe('close 4002')
    socket.sendClose(4002)
    await once(socket.stream, 'end')
    socket.stream.end()
    expect(await socket.closed()).toBe(constants.NGHTTP2_NO_ERROR)
    await eventually(() => server.connectionCount).toBe(0)
    expect(client.destroyed).toBe(false)
  })

  it.each([
    ['resets its stream', (socket: Http2WebSocket) => socket.stream.close(constants.NGHTTP2_CANCEL)],
    ['ends its stream without a close frame', (socket: Http2WebSocket) => socket.stream.end()],
    ['loses its connection', (socket: Http2WebSocket) => socket.stream.session!.destroy()],
  ])('is lost (1006) when the client %s', async (_what, lose) => {
    const recorder = new Recorder()
    const { client, server } = await connected(recorder.application)
    lose(await Http2WebSocket.open(client))
    expect(await recorder.disconnect()).toMatchObject({ code: 1006 })
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('is reset with CANCEL if the client does not answer a close frame', async () => {
    const { client, server } = await connected(
      accepting(({ send }) => send({ type: 'websocket.close', code: 1000 })),
      { closeTimeoutMs: 50 },
    )
    const socket = await Http2WebSocket.open(client)
    expect(await socket.closed()).toBe(constants.NGHTTP2_CANCEL)
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('is closed with 1002 after an invalid frame', async () => {
    const { client } = await connected(echo)
    const socket = await Http2WebSocket.open(client)
    // Not masked.
    socket.stream.write(Buffer.from('810568656c6c6f', 'hex'))
    expect(await socket.frame()).toBe('close 1002')
  })

  it('shares its connection with others, and is closed alone', async () => {
    const { client, server } = await connected(echo)
    const sockets = await Promise.all(Array.from({ length: 50 }, () => Http2WebSocket.open(client)))
    expect(server.connectionCount).toBe(50)
    expect(server.stats().sockets.open).toBe(1)
    for (const [i, socket] of sockets.entries()) socket.send('text', `from ${i}`)
    expect(await Promise.all(sockets.map((socket) => socket.frame()))).toEqual(sockets.map((_, i) => `text from ${i}`))
    sockets[0]!.stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => server.connectionCount).toBe(49)
    sockets[1]!.send('text', 'still here')
    expect(await sockets[1]!.frame()).toBe('text still here')
  })

  it.each<[string, OutgoingHttpHeaders, number]>([
    ['another version', { 'sec-websocket-version': '8' }, 400],
    ['no version', { 'sec-websocket-version': undefined }, 400],
    ['a subprotocol twice', { 'sec-websocket-protocol': 'a, a' }, 400],
    ['a path that cannot be decoded', { ':path': '/%ff' }, 400],
  ])('is refused with %s', async (_what, headers, status) => {
    const { client } = await connected(echo)
    expect((await refused(client, headers)).status).toBe(status)
  })

  it('is refused with 403 by an application that closes it', async () => {
    const { client, server } = await connected(async (_scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.close' })
    })
    expect(await refused(client)).toMatchObject({ status: 403, body: 'Forbidden\n' })
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('is refused with a response of the application, streamed', async () => {
    const { client, server } = await connected(async (_scope, receive, send) => {
      await receive()
      const headers = { 'Content-Type': 'text/plain', Connection: 'close' }
      await send({ type: 'websocket.http.response.start', status: 418, headers })
      await send({ type: 'websocket.http.response.body', body: 'short ', moreBody: true })
      await send({ type: 'websocket.http.response.body', body: 'and stout' })
    })
    const { status, headers, body } = await refused(client)
    expect([status, body, headers['content-type']]).toEqual([418, 'short and stout', 'text/plain'])
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('is refused with 503 by an application that does not answer in time', async () => {
    const { client } = await connected(() => new Promise(() => {}), {
      connectTimeoutMs: 50,
      applicationCloseTimeoutMs: 50,
    })
    expect((await refused(client)).status).toBe(503)
  })

  it('sends a disconnect to the application if the client cancels it before the answer', async () => {
    let code: number | undefined
    const { client, server } = await connected(async (_scope, receive) => {
      await receive()
      const event = await receive()
      if (event.type === 'websocket.disconnect') ({ code } = event)
    })
    const stream = Http2WebSocket.request(client)
    await eventually(() => server.connectionCount).toBe(1)
    stream.close(constants.NGHTTP2_CANCEL)
    await eventually(() => code).toBe(1006)
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('is not read while the application is busy, and others of the connection are', async () => {
    let proceed: (() => void) | undefined
    let received = 0
    const { client } = await connected(
      accepting(async ({ scope, receive, send }) => {
        if (scope.path === '/busy') await new Promise<void>((resolve) => (proceed = resolve))
        for (;;) {
          const event = await receive()
          if (event.type !== 'websocket.receive') return
          received++
          await send({ type: 'websocket.send', text: String(received) })
        }
      }),
    )
    const busy = await Http2WebSocket.open(client, { ':path': '/busy' })
    const MESSAGES = 64
    for (let i = 0; i < MESSAGES; i++) busy.send('binary', Buffer.alloc(100_000))
    const other = await Http2WebSocket.open(client)
    other.send('text', 'a')
    expect(await other.frame()).toBe('text 1')
    expect(busy.stream.writableLength).toBeGreaterThan(0)
    proceed!()
    for (let i = 0; i < MESSAGES; i++) expect(await busy.frame()).toBe(`text ${i + 2}`)
  })

  it('makes send() wait for a client that does not read', async () => {
    let sent = 0
    const { client } = await connected(
      accepting(async ({ send }) => {
        for (; sent < 40; sent++) await send({ type: 'websocket.send', bytes: new Uint8Array(256 * 1024) })
      }),
    )
    const stream = Http2WebSocket.request(client)
    await once(stream, 'response')
    await eventually(() => sent).toBeGreaterThan(2)
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve))
    expect(sent).toBeLessThan(12)
    stream.resume()
    await eventually(() => sent).toBe(40)
    stream.close()
  })

  it('is closed with 1012 when the server stops, which sends GOAWAY', async () => {
    const recorder = new Recorder()
    const { client, server } = await connected(recorder.application)
    const socket = await Http2WebSocket.open(client)
    const goaway = once(client, 'goaway')
    const closed = server.close(10_000)
    expect(await socket.frame()).toBe('close 1012')
    socket.sendClose(1012)
    socket.stream.end()
    expect((await goaway)[0]).toBe(constants.NGHTTP2_NO_ERROR)
    await closed
    expect(await recorder.disconnect()).toMatchObject({ code: 1012 })
  })
})
