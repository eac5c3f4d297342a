import { once } from 'node:events'
import { createServer, IncomingMessage, type Server } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { fetchHandler } from '../../../src/server/http/fetch-handler.ts'
import type { RequestHead } from '../../../src/server/handshake/request-head.ts'
import type { ServeHttp } from '../../../src/server/http/hand-to-node-http.ts'
import { HandshakeFastPath } from '../../../src/server/listen/handshake-fast-path.ts'
import { requestLimitsOf } from '../../../src/server/limits/request-limits.ts'
import { accepting, echo } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, recordingLogger, serving } from '../serving.ts'

const http = fetchHandler((request) => Promise.resolve(new Response(request.method)))
const handshake = requestText('GET /ws/?a=1 HTTP/1.1', validHandshake)
const MASKED_HI = '\x81\x82\x00\x00\x00\x00hi'

describe('a handshake on the fast path', () => {
  it.each([
    ['at once', [handshake]],
    ['in two pieces', [handshake.slice(0, 40), handshake.slice(40)]],
    ['byte by byte', Array.from(handshake)],
    ['with a header that only Node parses', [handshake.replace('\r\n\r\n', '\r\nX-Odd:\t\xe9\r\n\r\n')]],
  ])('is served if it arrives %s', async (_what, pieces) => {
    const scopes: WebSocketScope[] = []
    const server = await serving({ websocket: accepting(({ scope }) => void scopes.push(scope)) })
    const client = await RawClient.connect(server.port)
    for (const piece of pieces) {
      client.write(Buffer.from(piece, 'latin1'))
      if (pieces.length > 1) await new Promise((resolve) => setImmediate(resolve))
    }
    expect(await client.head()).toMatchObject({ status: 101 })
    expect(scopes).toHaveLength(1)
    expect(scopes[0]).toMatchObject({
      path: '/ws/',
      queryString: 'a=1',
      httpVersion: '1.1',
      client: { host: '127.0.0.1', port: client.socket.localPort },
    })
    expect([...scopes[0]!.headers].slice(0, 5)).toEqual(
      Object.entries(validHandshake).map(([name, value]) => [name.toLowerCase(), value]),
    )
    client.socket.destroy()
  })

  it.each([
    ['in the same write', true],
    ['in the next write', false],
  ])('is served with a message %s', async (_what, isJoined) => {
    const server = await serving({ websocket: echo })
    const client = await RawClient.connect(server.port)
    client.write(Buffer.from(isJoined ? handshake + MASKED_HI : handshake, 'latin1'))
    if (!isJoined) client.write(Buffer.from(MASKED_HI, 'latin1'))
    expect(await client.head()).toMatchObject({ status: 101 })
    expect(await client.frame()).toBe('text hi')
    client.socket.destroy()
  })

  it('queues messages that arrive before the application has answered', async () => {
    let accept!: () => void
    const held = new Promise<void>((resolve) => {
      accept = resolve
    })
    const server = await serving({
      async websocket(scope, receive, send) {
        await held
        await echo(scope, receive, send)
      },
    })
    const client = await RawClient.connect(server.port)
    client.write(handshake)
    await eventually(() => server.connectionCount).toBe(1)
    for (let i = 0; i < 3; i++) {
      client.write(Buffer.from(MASKED_HI, 'latin1'))
      await new Promise((resolve) => setImmediate(resolve))
    }
    accept()
    expect(await client.head()).toMatchObject({ status: 101 })
    for (let i = 0; i < 3; i++) expect(await client.frame()).toBe('text hi')
    client.socket.destroy()
  })

  it('is refused as by Node, and the following bytes are read to the end', async () => {
    const server = await serving({
      async websocket(_scope, receive, send) {
        await receive()
        await send({ type: 'websocket.close' })
      },
    })
    const client = await RawClient.connect(server.port)
    client.write(handshake)
    client.write(Buffer.alloc(1024 * 1024))
    expect(await client.response()).toMatchObject({ status: 403 })
    expect(client.error).toBeUndefined()
  })
})

describe('a request that is not a handshake', () => {
  it('reaches Node at once', async () => {
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    for (const method of ['GET', 'PUT']) {
      client.write(requestText(`${method} / HTTP/1.1`, { Host: 'localhost', 'Content-Length': '0' }))
      const { status, headers } = await client.head()
      expect([status, headers['transfer-encoding'] ?? headers['content-length']]).toEqual([200, expect.anything()])
      await eventually(() => client.received.includes(method)).toBe(true)
      await client.bytes(client.received.length)
    }
    client.socket.destroy()
  })

  it('reaches Node if it does not begin in time, and may still be a handshake', async () => {
    const server = createServer()
    const [serveHttp] = server.listeners('connection') as [ServeHttp]
    const handedOver = new Promise<void>((resolve) => {
      server.prependListener('connection', function (this: Server, socket) {
        serveHttp.call(this, socket)
        resolve()
      })
    })
    const limits = requestLimitsOf({ headersTimeoutMs: 40 })
    const fastPath = HandshakeFastPath.replacing(server, 'connection', limits, recordingLogger([]))
    server.removeListener('connection', serveHttp)
    server.on('connection', (socket) => fastPath.accept(socket))
    server.listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const client = await RawClient.connect((server.address() as AddressInfo).port)
    await handedOver
    client.write(handshake)
    const [request, socket] = (await once(server, 'upgrade')) as [RequestHead, Socket]
    expect(request).toBeInstanceOf(IncomingMessage)
    expect(request.headers).toMatchObject({ upgrade: 'websocket' })
    socket.destroy()
    await client.over()
  })

  it('reaches Node if it is malformed', async () => {
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    client.write('\x16\x03\x01')
    expect(await client.response()).toMatchObject({ status: 400 })
  })
})

describe('a connection without data', () => {
  it('ends with its client, without a log line', async () => {
    const server = await serving({ http })
    const client = await RawClient.connect(server.port, { allowHalfOpen: true })
    client.socket.end()
    await client.over()
    expect(client.received).toHaveLength(0)
    await eventually(() => server.stats().sockets.open).toBe(0)
  })

  it('may be lost without an error', async () => {
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    await eventually(() => server.stats().sockets.open).toBe(1)
    client.reset()
    await eventually(() => server.stats().sockets.open).toBe(0)
  })

  it('is destroyed by server.close(), and served while the server closes', async () => {
    const server = await serving({ http, websocket: echo })
    const [late, silent] = [await RawClient.connect(server.port), await RawClient.connect(server.port)]
    await eventually(() => server.stats().sockets.open).toBe(2)
    const closed = server.close(200)
    late.write(requestText('GET / HTTP/1.1', { Host: 'localhost' }))
    expect(await late.head()).toMatchObject({ status: 200 })
    await Promise.all([silent.over(), closed])
  })
})

describe('instrumentation', () => {
  it('receives an IncomingMessage for a handshake that Node has not read', async () => {
    const messages: IncomingMessage[] = []
    const server = await serving(
      { websocket: echo },
      {
        instrumentation: {
          connection(_scope, message) {
            messages.push(message)
            return undefined
          },
        },
      },
    )
    const client = await RawClient.open(server.port, '/ws/')
    const [message] = messages
    expect(message).toMatchObject({ method: 'GET', url: '/ws/', headers: { upgrade: 'websocket' }, httpVersion: '1.1' })
    expect(message!.socket.remotePort).toBe(client.socket.localPort)
    client.socket.destroy()
    await once(client.socket, 'close')
  })
})
