import { once } from 'node:events'
import { constants, type ClientHttp2Session } from 'node:http2'
import type { TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { echo } from '../applications.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'
import { suiteCertificates } from '../tls/certificates.ts'
import { answerOf, get, openHttp2, openRawHttp2 } from './http2-client.ts'
import { Http2WebSocket } from './http2-web-socket.ts'
import { getFrame, pingFrame, PREFACE, resetFrame, settingsFrame } from './raw-frames.ts'

const ok: Application<HttpScope> = async (_scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: 'ok' })
}

describeWith(['openssl'], 'an HTTP/2 connection', () => {
  const certificates = suiteCertificates()

  function start(options: ServeOptions = {}, http: Application<HttpScope> = ok): Promise<ServerUnderTest> {
    return serving(
      { http, websocket: echo },
      { tlsKey: certificates.pair.keyFile, tlsCert: certificates.pair.certFile, ...options },
    )
  }

  async function session(options: ServeOptions = {}, http: Application<HttpScope> = ok) {
    const server = await start(options, http)
    return { server, client: await openHttp2(server.url, { ca: certificates.pair.cert }) }
  }

  function raw({ port }: ServerUnderTest): Promise<TLSSocket> {
    return openRawHttp2(port, certificates.pair.cert)
  }

  it('has no more streams at once than http2MaxStreams', async () => {
    const running: (() => void)[] = []
    let most = 0
    const { client } = await session({ http2MaxStreams: 3 }, async (scope, receive, send) => {
      await new Promise<void>((resolve) => {
        most = Math.max(most, running.push(resolve))
      })
      await ok(scope, receive, send)
    })
    expect(client.remoteSettings.maxConcurrentStreams).toBe(3)
    let answered = 0
    const answers = Array.from({ length: 12 }, () => get(client, '/').then(() => answered++))
    for (let done = 0; done < 12; done += 3) {
      await eventually(() => running.length).toBe(3)
      for (const finish of running.splice(0)) finish()
      await eventually(() => answered).toBe(done + 3)
    }
    await Promise.all(answers)
    expect(most).toBe(3)
  })

  it('refuses a request with more than maxHeaders with 431, and one with many more with a reset', async () => {
    const { client } = await session({ maxHeaders: 10 })
    const headers = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, i) => [`x-${i}`, 'x']))
    expect((await get(client, '/', headers(9))).status).toBe(200)
    expect((await get(client, '/', headers(10))).status).toBe(431)
    await expect(get(client, '/', headers(40))).rejects.toThrow('NGHTTP2_ENHANCE_YOUR_CALM')
    expect((await get(client, '/')).status).toBe(200)
  })

  it('resets a request whose headers are larger than maxHeaderBytes', async () => {
    const { client } = await session({ maxHeaderBytes: 1000 })
    await expect(get(client, '/', { 'x-long': 'x'.repeat(1000) })).rejects.toThrow('NGHTTP2_ENHANCE_YOUR_CALM')
    expect((await get(client, '/')).status).toBe(200)
  })

  it('gets 503 above maxConnections, on every stream', async () => {
    const { server, client } = await session({ maxConnections: 1 })
    expect((await get(client, '/')).status).toBe(200)
    const second = await openHttp2(server.url, { ca: certificates.pair.cert })
    const { status, headers } = await get(second, '/')
    expect([status, headers['retry-after']]).toEqual([503, '5'])
    expect((await answerOf(Http2WebSocket.request(second))).status).toBe(503)
  })

  it.each([
    ['maxConnections', 503, { maxConnections: 3 }],
    ['maxConnectionsPerAddress', 429, { maxConnectionsPerAddress: 3 }],
  ])('counts each of its WebSockets for %s', async (_name, status, limits) => {
    const { server, client } = await session(limits)
    const sockets = [await Http2WebSocket.open(client), await Http2WebSocket.open(client)]
    expect((await answerOf(Http2WebSocket.request(client))).status).toBe(status)
    sockets[0]!.stream.close()
    await eventually(() => server.connectionCount).toBe(1)
    await Http2WebSocket.open(client)
    // Requests need no connection of their own.
    expect((await get(client, '/')).status).toBe(200)
  })

  it('ends after keepAliveTimeoutMs without a stream, and not while a stream is open', async () => {
    const { server, client } = await session({ keepAliveTimeoutMs: 100, headersTimeoutMs: 5000 })
    const socket = await Http2WebSocket.open(client)
    const idle = await openHttp2(server.url, { ca: certificates.pair.cert })
    await get(idle, '/')
    await once(idle, 'close')
    socket.send('text', 'still here')
    expect(await socket.frame()).toBe('text still here')
    socket.sendClose(1000)
    await socket.frame()
    socket.stream.end()
    await once(client, 'close')
  })

  it.each([
    ['nothing', Buffer.alloc(0)],
    ['its preface', PREFACE],
    // The head of a HEADERS frame without END_HEADERS, and a byte of it now and then.
    ['half a block of headers', Buffer.concat([PREFACE, Buffer.from('000400010000000001', 'hex')])],
  ])('ends if its client sends %s and no request within headersTimeoutMs', async (_what, bytes) => {
    const server = await start({ headersTimeoutMs: 100 })
    const socket = await raw(server)
    socket.write(bytes)
    const trickle = setInterval(() => bytes.length > PREFACE.length && socket.write(Buffer.from([0x82])), 10)
    socket.resume()
    await once(socket, 'close')
    clearInterval(trickle)
    await eventually(() => server.stats().sockets.open).toBe(0)
  })

  it('answers a request that is not complete within requestTimeoutMs with 408', async () => {
    const { client } = await session({ requestTimeoutMs: 100 }, async (scope, receive, send) => {
      for (;;) {
        const event = await receive()
        if (event.type === 'http.disconnect') return
        if (!event.moreBody) break
      }
      await ok(scope, receive, send)
    })
    const stream = client.request({ ':method': 'POST', ':path': '/' })
    stream.write('half')
    expect((await answerOf(stream)).status).toBe(408)
    expect((await get(client, '/')).status).toBe(200)
  })

  describe('that floods the server', () => {
    /** Sends pieces until the server has ended the connection. */
    async function isCutOff(server: ServerUnderTest, piece: (i: number) => Buffer): Promise<boolean> {
      const socket = await raw(server)
      const closed = new Promise((resolve) => socket.once('close', resolve))
      socket.resume().write(PREFACE)
      for (let i = 0; i < 20_000; i++) {
        if (socket.destroyed) return true
        if (!socket.write(piece(i)))
          await Promise.race([new Promise((resolve) => socket.once('drain', resolve)), closed])
        if (i % 100 === 0) await new Promise((resolve) => setImmediate(resolve))
      }
      await closed
      return true
    }

    it('is destroyed with requests that it resets at once (CVE-2023-44487)', async () => {
      const server = await start({ keepAliveTimeoutMs: 200 })
      const stream = (i: number): number => 2 * i + 1
      expect(await isCutOff(server, (i) => Buffer.concat([getFrame(stream(i)), resetFrame(stream(i))]))).toBe(true)
      expect(server.stats().requests.total).toBeLessThan(5000)
      expect((await get(await openHttp2(server.url, { ca: certificates.pair.cert }), '/')).status).toBe(200)
    })

    it.each([
      ['pings', pingFrame],
      ['settings', settingsFrame],
    ])('is destroyed with %s whose answers it does not read', async (_what, piece) => {
      const server = await start({ headersTimeoutMs: 1000 })
      const socket = await raw(server)
      socket.write(PREFACE)
      socket.pause()
      const many = Buffer.concat(Array.from({ length: 1000 }, piece))
      const before = process.memoryUsage.rss()
      for (let i = 0; i < 1000 && !socket.destroyed; i++) {
        if (!socket.write(many)) await new Promise((resolve) => setImmediate(resolve))
      }
      // Only the server reports the end. The kernel may have accepted every byte, and Node does not report the end of a paused
      // socket on which no write is pending.
      await eventually(() => server.stats().sockets.open).toBe(0)
      expect(process.memoryUsage.rss() - before).toBeLessThan(200 * 1024 * 1024)
    })
  })

  describe('at close()', () => {
    it('finishes its running streams, refuses more, and ends', async () => {
      let finish: (() => void) | undefined
      const { server, client } = await session({}, async (scope, receive, send) => {
        await new Promise<void>((resolve) => {
          finish = resolve
        })
        await ok(scope, receive, send)
      })
      const running = get(client, '/')
      await eventually(() => finish !== undefined).toBe(true)
      const goaway = once(client, 'goaway')
      const closed = server.close(10_000)
      expect((await goaway)[0]).toBe(constants.NGHTTP2_NO_ERROR)
      expect(() => client.request({ ':path': '/' })).toThrow(/GOAWAY|goaway|session/i)
      finish!()
      expect((await running).status).toBe(200)
      await closed
    })

    it('is destroyed after the timeout', async () => {
      const { server, client } = await session({}, () => new Promise(() => {}))
      const stream = client.request({ ':path': '/' })
      let isAnswered = false
      stream.once('response', () => {
        isAnswered = true
      })
      stream.on('error', () => {})
      await eventually(() => server.stats().requests.running).toBe(1)
      const closed = once(stream, 'close')
      await server.close(50)
      await closed
      expect(isAnswered).toBe(false)
    })

    it('answers readinessPath until the end', async () => {
      const { server, client } = await session({ readinessPath: '/readyz' })
      expect((await get(client, '/readyz')).status).toBe(200)
      const socket = await Http2WebSocket.open(client)
      const closed = server.close(10_000)
      expect(await socket.frame()).toBe('close 1012')
      expect((await get(client, '/readyz')).status).toBe(503)
      expect((await answerOf(Http2WebSocket.request(client))).status).toBe(503)
      socket.sendClose(1012)
      socket.stream.end()
      await closed
    })
  })

  it('keeps nothing of ended streams', async () => {
    const { server, client } = await session()
    for (let i = 0; i < 200; i++) await get(client, '/')
    await closeAll(client)
    await eventually(() => server.stats().requests.running).toBe(0)
    await eventually(() => server.stats().sockets.open).toBe(0)
  })

  async function closeAll(client: ClientHttp2Session): Promise<void> {
    const closed = once(client, 'close')
    client.close()
    await closed
  }
})
