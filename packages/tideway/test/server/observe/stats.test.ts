import { request } from 'node:http'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { defineApplication } from '../../../src/application/define-application.ts'
import type { Application } from '../../../src/asgi/application.ts'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import { InMemoryChannelLayer } from '../../../src/layer/in-memory-channel-layer.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { serve } from '../../../src/server/serve.ts'
import { accepting, echo } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'

const denying: Application<WebSocketScope> = async (_scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.close' })
}

/** The answer of the server to a handshake. */
async function handshake(server: ServerUnderTest, changed: Readonly<Record<string, string | undefined>> = {}) {
  const client = await RawClient.connect(server.port)
  client.write(requestText('GET / HTTP/1.1', { ...validHandshake, ...changed }))
  const { status } = await client.head()
  client.socket.destroy()
  return status
}

describe('stats()', () => {
  it('returns zeros at the start', async () => {
    const server = await serving({ websocket: echo })
    const { uptimeMs, eventLoopDelay, ...figures } = server.stats()
    expect(uptimeMs).toBeGreaterThan(0)
    expect(Object.values(eventLoopDelay).every((ms) => ms >= 0)).toBe(true)
    const numbers = JSON.stringify(figures).match(/(?<=:)\d+/g)!
    expect(numbers.length).toBeGreaterThan(35)
    expect(numbers.filter((number) => number !== '0')).toEqual([])
    expect(figures.state).toBe('serving')
  })

  it('counts messages by type with the bytes of their payloads, and all bytes after the handshake', async () => {
    const server = await serving({ websocket: echo })
    const client = await RawClient.open(server.port)
    const texts = ['é', 'x'.repeat(125), 'x'.repeat(126), 'x'.repeat(65_535), 'x'.repeat(65_536)]
    let sentBytes = 0
    for (const text of texts) {
      const frame = clientFrame('text', text)
      sentBytes += frame.length
      client.write(frame)
    }
    const binary = clientFrame('binary', Buffer.alloc(1000))
    client.write(binary)
    const payload = 2 + 125 + 126 + 65_535 + 65_536
    await eventually(() => server.stats().webSockets.sent.binary.messages).toBe(1)
    const { received, sent } = server.stats().webSockets
    expect(received).toEqual({
      text: { messages: 5, bytes: payload },
      binary: { messages: 1, bytes: 1000 },
      wireBytes: sentBytes + binary.length,
    })
    // A server does not mask: 4 bytes less a frame.
    expect(sent).toEqual({ ...received, wireBytes: received.wireBytes - 6 * 4 })
    client.socket.destroy()
  })

  it('counts a message in fragments once', async () => {
    const server = await serving({ websocket: echo })
    const client = await RawClient.open(server.port)
    client.write(clientFrame('text', 'ab', { fin: false }))
    client.write(clientFrame('continuation', 'cde'))
    await eventually(() => server.stats().webSockets.received.text).toEqual({ messages: 1, bytes: 5 })
    client.socket.destroy()
  })

  it('counts handshakes by outcome', async () => {
    const server = await serving({ websocket: denying })
    expect(await handshake(server)).toBe(403)
    expect(await handshake(server, { 'Sec-WebSocket-Key': 'short' })).toBe(400)
    const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`X-${i}`, '1']))
    expect(await handshake(server, many)).toBe(431)
    const { handshakes, webSockets } = server.stats()
    expect(handshakes).toMatchObject({
      total: 3,
      accepted: 0,
      refused: { byApplication: 1, badHandshake: 1, tooManyHeaders: 1, abandoned: 0, applicationFailed: 0 },
    })
    expect(webSockets.closed).toEqual({})
  })

  it('distinguishes a failed application, a timeout and a client that disconnected', async () => {
    let wanted: 'fail' | 'wait' = 'fail'
    let asked = 0
    const websocket: Application<WebSocketScope> = async (_scope, receive) => {
      asked++
      if (wanted === 'fail') throw new Error('meant')
      while ((await receive()).type !== 'websocket.disconnect');
    }
    const hasty = await serving({ websocket }, { connectTimeoutMs: 100 })
    const patient = await serving({ websocket }, { connectTimeoutMs: 60_000 })
    expect(await handshake(patient)).toBe(500)
    wanted = 'wait'
    expect(await handshake(hasty)).toBe(503)
    const client = await RawClient.connect(patient.port)
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    await eventually(() => asked).toBe(3)
    client.socket.destroy()
    const none = { applicationFailed: 0, applicationTimeout: 0, abandoned: 0, byApplication: 0 }
    await eventually(() => patient.stats().handshakes.refused).toMatchObject({
      ...none,
      applicationFailed: 1,
      abandoned: 1,
    })
    expect(hasty.stats().handshakes.refused).toMatchObject({ ...none, applicationTimeout: 1 })
  })

  it('counts refusals for too many connections, in total and per address', async () => {
    const server = await serving({ websocket: echo }, { maxConnections: 1 })
    const first = await RawClient.open(server.port)
    expect(await handshake(server)).toBe(503)
    expect(server.stats()).toMatchObject({
      sockets: { total: 2 },
      handshakes: { accepted: 1, refused: { tooManyConnections: 1, tooManyOfAddress: 0 } },
    })
    first.socket.destroy()
    const other = await serving({ websocket: echo }, { maxConnectionsPerAddress: 1 })
    const only = await RawClient.open(other.port)
    expect(await handshake(other)).toBe(429)
    expect(other.stats().handshakes.refused).toMatchObject({ tooManyConnections: 0, tooManyOfAddress: 1 })
    only.socket.destroy()
  })

  it('counts close codes and open connections', async () => {
    const server = await serving({ websocket: echo })
    const clients = await Promise.all([1, 2, 3].map(() => RawClient.open(server.port)))
    await eventually(() => server.stats().webSockets.open).toBe(3)
    expect(server.stats().sockets).toEqual({ open: 3, total: 3, sendTimeouts: 0 })
    clients[0]!.write(clientFrame('close', Buffer.from([0x0f, 0xa0])))
    // Reserved bits without a negotiated extension.
    clients[1]!.hex('f0 80 00000000')
    clients[2]!.socket.destroy()
    await eventually(() => server.stats().webSockets).toMatchObject({
      open: 0,
      closed: { 4000: 1, 1002: 1, 1006: 1 },
    })
    await eventually(() => server.stats().sockets.open).toBe(0)
  })

  it('counts pings of both sides and peers that do not answer', async () => {
    const server = await serving({ websocket: echo }, { pingIntervalMs: 40, pingTimeoutMs: 40 })
    const client = await RawClient.open(server.port)
    client.write(clientFrame('ping', 'hello'))
    client.write(clientFrame('pong', ''))
    await eventually(() => server.stats().webSockets.pings).toMatchObject({
      sent: 1,
      received: 1,
      pongs: 1,
      timeouts: 1,
    })
    client.socket.destroy()
  })

  it('counts slow consumers: closed connections, and dropped messages', async () => {
    const flooding = accepting(async ({ receive, send }) => {
      const text = 'x'.repeat(1_000_000)
      const isOver = receive().then((event) => event.type === 'websocket.disconnect')
      for (let i = 0; i < 50; i++) void Promise.resolve(send({ type: 'websocket.send', text })).catch(() => {})
      await isOver
    })
    const closing = await serving({ websocket: flooding }, { maxBufferedBytes: 4_000_000 })
    const slow = await RawClient.open(closing.port)
    slow.socket.pause()
    await eventually(() => closing.stats().webSockets.slowConsumers).toEqual({ closed: 1, droppedMessages: 0 })
    slow.socket.destroy()
    const dropping = await serving({ websocket: flooding }, { slowConsumer: 'drop' })
    const other = await RawClient.open(dropping.port)
    other.socket.pause()
    await eventually(() => dropping.stats().webSockets.slowConsumers.droppedMessages).toBeGreaterThan(10)
    const { sent, slowConsumers } = dropping.stats().webSockets
    expect(sent.text.messages + slowConsumers.droppedMessages).toBe(50)
    other.socket.destroy()
  })

  it('counts compressed bytes, once for a message to many clients', async () => {
    const text = 'compress me '.repeat(200)
    const server = await serving({ websocket: echo }, { compression: {} })
    const client = new WebSocket(server.webSocketUrl, { perMessageDeflate: { threshold: 0 } })
    await new Promise((resolve) => client.once('open', resolve))
    client.send(text)
    await new Promise((resolve) => client.once('message', resolve))
    const { compression, received, sent } = server.stats().webSockets
    for (const direction of [compression.sent, compression.received]) {
      expect(direction).toMatchObject({ messages: 1, plainBytes: text.length })
      expect(direction.compressedBytes).toBeLessThan(text.length / 10)
    }
    expect(received.text).toEqual({ messages: 1, bytes: compression.received.compressedBytes })
    expect(sent.text).toEqual({ messages: 1, bytes: compression.sent.compressedBytes })
    client.terminate()
  })

  it('counts requests by class of status, running ones and aborted ones', async () => {
    let isAsked: (() => void) | undefined
    const asked = new Promise<void>((resolve) => (isAsked = resolve))
    const http: Application<HttpScope> = nodeListener((incoming, response) => {
      if (incoming.url === '/wait') isAsked!()
      else response.writeHead(Number(incoming.url!.slice(1))).end()
    })
    const server = await serving({ http })
    for (const status of [200, 204, 302, 404, 500])
      await (await fetch(`${server.url}/${status}`, { redirect: 'manual' })).text()
    await eventually(() => server.stats().requests.responses).toEqual({
      '1xx': 0,
      '2xx': 2,
      '3xx': 1,
      '4xx': 1,
      '5xx': 1,
    })
    const waiting = request(`${server.url}/wait`).on('error', () => {})
    waiting.end()
    await asked
    expect(server.stats().requests).toMatchObject({ running: 1, total: 6, aborted: 0 })
    waiting.destroy()
    await eventually(() => server.stats().requests).toMatchObject({ running: 0, total: 6, aborted: 1 })
  })

  it('includes the statistics of the application’s channel layers', async () => {
    const channelLayer = new InMemoryChannelLayer()
    const application = defineApplication({
      channelLayers: { default: channelLayer },
      websocket: setTraits(echo, { checksOrigin: true }),
    })
    const server = await serve(application, { port: 0 })
    try {
      const channel = channelLayer.newChannel()
      await channelLayer.groupAdd('room', channel)
      await channelLayer.groupSend('room', { type: 'hello' })
      expect(server.stats().channelLayers['default']).toEqual(channelLayer.stats())
      expect(server.stats().channelLayers['default']).toMatchObject({ groups: 1, delivered: 0 })
    } finally {
      await server.close(1)
      await channelLayer.close()
    }
  })

  it('reports that the server drains, and that it is closed', async () => {
    const server = await serving({ websocket: echo })
    const client = await RawClient.open(server.port)
    const closed = server.close(5000)
    expect(server.stats().state).toBe('draining')
    client.socket.destroy()
    await closed
    expect(server.stats()).toMatchObject({ state: 'closed', sockets: { open: 0 }, webSockets: { open: 0 } })
  })

  it('measures that the event loop was blocked', async () => {
    const server = await serving({ websocket: echo })
    await eventually(() => server.stats().eventLoopDelay.maxMs >= 0).toBe(true)
    await new Promise((resolve) => setTimeout(resolve, 60))
    const until = performance.now() + 200
    while (performance.now() < until);
    await eventually(() => server.stats().eventLoopDelay.maxMs).toBeGreaterThan(100)
  })
})
