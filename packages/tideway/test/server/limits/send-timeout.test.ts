import type { ClientHttp2Session } from 'node:http2'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import { HttpConsumer } from '../../../src/consumer/http-consumer.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { accepting } from '../applications.ts'
import { openHttp2 } from '../http2/http2-client.ts'
import { Http2WebSocket } from '../http2/http2-web-socket.ts'
import { requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'
import { suiteCertificates } from '../tls/certificates.ts'
import { openTls } from '../tls/tls-client.ts'

/** More than the kernel buffers for a client that does not read. */
const BODY = Buffer.alloc(32 * 1024 * 1024, 'x')
const TIMEOUT_MS = 400

const streaming: Application<HttpScope> = async (_scope, receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  for (let at = 0; at < BODY.length; at += 65_536) {
    await send({ type: 'http.response.body', body: BODY.subarray(at, at + 65_536), moreBody: true })
  }
  await send({ type: 'http.response.body' })
  await receive()
}

class Whole extends HttpConsumer {
  override async handle(): Promise<void> {
    await this.sendResponse(BODY)
  }
}

const flooding: Application<WebSocketScope> = accepting(async ({ send, receive }) => {
  for (let i = 0; i < 8; i++) void send({ type: 'websocket.send', bytes: BODY.subarray(0, 4 * 1024 * 1024) })
  while ((await receive()).type !== 'websocket.disconnect');
})

const denying: Application<WebSocketScope> = async (_scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.http.response.start', status: 403 })
  await send({ type: 'websocket.http.response.body', body: BODY })
}

const get = requestText('GET / HTTP/1.1', { Host: 'localhost' })
const handshake = requestText('GET / HTTP/1.1', validHandshake)

/** The requests of a client that stops reading. */
const unread: readonly (readonly [
  name: string,
  request: string,
  applications: { http?: Application<HttpScope>; websocket?: Application<WebSocketScope> },
])[] = [
  ['a response in one piece', get, { http: nodeListener((_request, response) => void response.end(BODY)) }],
  ['a response in many pieces', get, { http: streaming }],
  ['a response of an HttpConsumer', get, { http: Whole.asApplication() }],
  ['messages of a WebSocket', handshake, { websocket: flooding }],
  ['the body of a denial', handshake, { websocket: denying }],
]

const options = {
  sendTimeoutMs: TIMEOUT_MS,
  slowConsumer: 'wait',
  maxBufferedBytes: 2 * BODY.length,
  pingIntervalMs: false,
  closeTimeoutMs: 600_000,
} as const

async function opened(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** Reads a mebibyte, waits, and repeats. Resolves with the number of bytes when the server has sent all of them or destroyed the connection. */
async function readSlowly(stream: Duplex, pauseMs: number): Promise<number> {
  let received = 0
  let untilPause = 0
  stream.on('data', (chunk: Buffer) => {
    received += chunk.length
    untilPause += chunk.length
    if (untilPause < 1024 * 1024) return
    untilPause = 0
    stream.pause()
    setTimeout(() => stream.resume(), pauseMs)
  })
  await once(stream, 'close')
  return received
}

describe('sendTimeoutMs', () => {
  it.each(unread)('ends the connection of a client that stops to read %s', async (_name, request, applications) => {
    const server = await serving(applications, options)
    const socket = await opened(server.port)
    socket.pause()
    socket.write(request)
    await eventually(() => server.stats().sockets.total).toBe(1)
    await eventually(() => server.stats().sockets.open).toBe(0)
    expect(server.stats().sockets.sendTimeouts).toBe(1)
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('keeps the connection of a client that reads slowly', async () => {
    const http = nodeListener((_request, response) => {
      response.setHeader('Connection', 'close')
      // In one write, whose callback Node calls only after all of it is sent.
      response.end(BODY)
    })
    const server = await serving({ http }, options)
    const socket = await opened(server.port)
    socket.write(get)
    const beganAt = performance.now()
    // The kernel buffers a part of it at once, so the bytes read in two timeouts are not enough.
    expect(await readSlowly(socket, (3 * TIMEOUT_MS) / 32)).toBeGreaterThan(BODY.length)
    expect(performance.now() - beganAt).toBeGreaterThan(2 * TIMEOUT_MS)
    expect(server.stats().sockets.sendTimeouts).toBe(0)
  })

  it('keeps a connection without unsent bytes', async () => {
    const server = await serving({ websocket: accepting(({ receive }) => receive()) }, options)
    const socket = await opened(server.port)
    socket.write(handshake)
    await once(socket, 'data')
    const other = await opened(server.port)
    const beganAt = performance.now()
    other.pause()
    await eventually(() => performance.now() - beganAt > 2 * TIMEOUT_MS).toBe(true)
    expect(server.connectionCount).toBe(1)
  })
})

describeWith(['openssl'], 'sendTimeoutMs over TLS', () => {
  const certificates = suiteCertificates()

  function secure(
    applications: { http?: Application<HttpScope>; websocket?: Application<WebSocketScope> },
    more: object = {},
  ): Promise<ServerUnderTest> {
    const { keyFile, certFile } = certificates.pair
    return serving(applications, { ...options, ...more, tlsKey: keyFile, tlsCert: certFile })
  }

  /** A client that opens no window for any stream, and answers pings. */
  function closedWindow(server: ServerUnderTest): Promise<ClientHttp2Session> {
    return openHttp2(server.url, { ca: certificates.pair.cert, settings: { initialWindowSize: 0 } })
  }

  it.each(unread)('ends the connection of a client that stops to read %s', async (_name, request, applications) => {
    const server = await secure(applications)
    const socket = await openTls(server.port, { ca: certificates.pair.cert, ALPNProtocols: ['http/1.1'] })
    socket.on('error', () => {}).pause()
    socket.write(request)
    await eventually(() => server.stats().sockets.open).toBe(0)
    expect(server.stats().sockets.sendTimeouts).toBe(1)
  })

  it('resets an HTTP/2 stream whose client opens no window for a response, and keeps its connection', async () => {
    const server = await secure({ http: nodeListener((_request, response) => void response.end('much')) })
    const session = await closedWindow(server)
    const stream = session.request({ ':path': '/' })
    stream.on('error', () => {})
    await once(stream, 'close')
    expect(stream.rstCode).toBe(8)
    expect(session.closed).toBe(false)
    await eventually(() => server.stats().requests.running).toBe(0)
  })

  it('ends the connection of a client that neither opens a window for a response nor ends its request', async () => {
    const server = await secure({ http: nodeListener((_request, response) => void response.end('much')) })
    const session = await closedWindow(server)
    const stream = session.request({ ':method': 'POST', ':path': '/' })
    stream.on('error', () => {})
    await eventually(() => server.stats().sockets.open).toBe(0)
    await eventually(() => session.closed).toBe(true)
  })

  it('resets a WebSocket over HTTP/2 whose client opens no window', async () => {
    const server = await secure({ websocket: flooding })
    const session = await closedWindow(server)
    const { stream } = await Http2WebSocket.open(session)
    await once(stream, 'close')
    expect(stream.rstCode).toBe(8)
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('keeps an HTTP/2 stream whose client reads slowly', async () => {
    const server = await secure({ http: nodeListener((_request, response) => void response.end(BODY)) })
    const session = await openHttp2(server.url, { ca: certificates.pair.cert })
    const stream = session.request({ ':path': '/' })
    const beganAt = performance.now()
    expect(await readSlowly(stream, (3 * TIMEOUT_MS) / 32)).toBe(BODY.length)
    expect(performance.now() - beganAt).toBeGreaterThan(2 * TIMEOUT_MS)
  })
})
