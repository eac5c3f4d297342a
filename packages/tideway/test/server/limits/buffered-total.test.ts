import { describe, expect, it, onTestFinished } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../../src/asgi/scope.ts'
import { nodeListener } from '../../../src/server/http/node-listener.ts'
import { accepting } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { RawClient, requestText } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

const MIB = 1024 * 1024
const BOUND = 4 * MIB
const options = {
  maxBufferedBytesTotal: BOUND,
  maxMessageBytes: BOUND,
  maxInboxBytes: BOUND,
  maxBufferedBytes: 64 * MIB,
  slowConsumer: 'wait',
} as const

/** Reads nothing of its connection. */
const busy: Application<WebSocketScope> = accepting(() => new Promise(() => {}))

/** Responds with the number of bytes in its path. */
const generous: Application<WebSocketScope> = accepting(async ({ scope, send, receive }) => {
  void send({ type: 'websocket.send', bytes: Buffer.alloc(Number(scope.path.slice(1))) })
  while ((await receive()).type !== 'websocket.disconnect');
})

const download: Application<HttpScope> = nodeListener(({ url }, response) => {
  response.end(Buffer.alloc(Number(url!.slice(1))))
})

/** A message of this size without its last byte. */
function unfinished(size: number): Buffer {
  return clientFrame('binary', Buffer.alloc(size)).subarray(0, -1)
}

async function opened(port: number, path = '/'): Promise<RawClient> {
  const client = await RawClient.open(port, path)
  onTestFinished(() => void client.socket.destroy())
  return client
}

describe('maxBufferedBytesTotal', () => {
  it('keeps connections that hold exactly as many bytes together', async () => {
    const server = await serving({ websocket: busy }, options)
    for (const size of [BOUND / 2, BOUND / 2]) (await opened(server.port)).write(unfinished(size))
    await eventually(() => server.stats().buffers.bytes).toBe(BOUND)
    expect(server.stats().buffers.closed).toBe(0)
    expect(server.connectionCount).toBe(2)
  })

  it.each([
    ['unfinished messages', unfinished],
    ['messages that the application does not read', (size: number) => clientFrame('binary', Buffer.alloc(size))],
  ])('destroys the connection with the most bytes of %s, and no other', async (_what, bytesOf) => {
    const server = await serving({ websocket: busy }, options)
    const small = await opened(server.port)
    small.write(bytesOf(MIB))
    const large = await opened(server.port)
    large.write(bytesOf(2 * MIB))
    await eventually(() => server.stats().buffers.bytes).toBeGreaterThanOrEqual(3 * MIB)
    const last = await opened(server.port)
    last.write(bytesOf(1.5 * MIB))
    await large.over()
    // The unread messages of a closed connection are not counted.
    await eventually(() => server.stats().buffers.bytes).toBe(2.5 * MIB)
    expect(server.stats().buffers.closed).toBe(1)
    expect([small.isOver, last.isOver]).toEqual([false, false])
    expect(server.log.map(({ message }) => message)).toContainEqual(expect.stringContaining('keeps too many bytes'))
  })

  it('destroys the WebSocket whose client reads the least', async () => {
    const server = await serving({ websocket: generous }, options)
    const small = await opened(server.port, `/${MIB}`)
    const large = await opened(server.port, `/${48 * MIB}`)
    large.socket.pause()
    await eventually(() => server.stats().buffers.closed).toBe(1)
    await eventually(() => server.connectionCount).toBe(1)
    expect(small.isOver).toBe(false)
  })

  it('destroys the HTTP connection whose client reads the least', async () => {
    const server = await serving({ http: download }, options)
    const client = await RawClient.connect(server.port)
    onTestFinished(() => void client.socket.destroy())
    client.socket.pause()
    client.write(requestText(`GET /${48 * MIB} HTTP/1.1`, { Host: 'localhost' }))
    await eventually(() => server.stats().buffers.closed).toBe(1)
    await eventually(() => server.stats().sockets.open).toBe(0)
  })

  it('sets no bound if it is false', async () => {
    const server = await serving({ websocket: busy }, { ...options, maxBufferedBytesTotal: false })
    for (const size of [3 * MIB, 3 * MIB]) (await opened(server.port)).write(unfinished(size))
    await eventually(() => server.stats().buffers.bytes).toBe(6 * MIB)
    expect(server.stats().buffers.closed).toBe(0)
  })
})
