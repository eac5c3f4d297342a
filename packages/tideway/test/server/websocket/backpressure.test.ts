import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Duplex } from 'node:stream'
import { describe, expect, it, onTestFinished } from 'vitest'
import type { WebSocketReceiveEvent } from '../../../src/asgi/websocket-events.ts'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import { protocolTypeRouter } from '../../../src/routing/protocol-type-router.ts'
import { attach } from '../../../src/server/attach.ts'
import { Heartbeat } from '../../../src/server/transport/heartbeat.ts'
import { ServerCounters } from '../../../src/server/observe/server-counters.ts'
import { resolveOptions } from '../../../src/server/options.ts'
import type { WebSocketOptions } from '../../../src/server/websocket/websocket-options.ts'
import { Outbox } from '../../../src/server/websocket/outbox.ts'
import type { PeerOwner } from '../../../src/server/websocket/peer-owner.ts'
import { WebSocketPeer } from '../../../src/server/websocket/websocket-peer.ts'
import { accepting, echo, type AcceptedConnection } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { RawClient } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'

const KIB = 1024
const MARK = 64 * KIB
const SMALL = 'x'.repeat(10)
const LARGE = 'x'.repeat(256 * KIB)
/** More than the kernel takes for a connection whose peer does not read. */
const MORE_THAN_THE_KERNEL = 100

type Sent = void | Promise<void>

interface Paused {
  readonly server: ServerUnderTest
  readonly client: RawClient
  readonly send: (text: string) => Sent
  readonly ended: Promise<WebSocketReceiveEvent>
}

/** A client that does not read, and the hands of its application. */
async function paused(options: WebSocketOptions): Promise<Paused> {
  let started!: (connection: AcceptedConnection) => void
  const connection = new Promise<AcceptedConnection>((resolve) => {
    started = resolve
  })
  let end!: (event: WebSocketReceiveEvent) => void
  const ended = new Promise<WebSocketReceiveEvent>((resolve) => {
    end = resolve
  })
  const websocket = accepting(async (accepted) => {
    started(accepted)
    end(await accepted.receive())
  })
  const server = await serving({ websocket }, { highWaterMarkBytes: MARK, pingIntervalMs: false, ...options })
  const client = await RawClient.open(server.port)
  client.socket.pause()
  const { send } = await connection
  return { server, client, ended, send: (text) => send({ type: 'websocket.send', text }) }
}

/** Sends until the sender is asked to wait. */
function fill(send: (text: string) => Sent): { readonly sent: number; readonly waiting: Promise<void> } {
  for (let sent = 1; sent <= MORE_THAN_THE_KERNEL; sent++) {
    const waiting = send(LARGE)
    if (waiting !== undefined) return { sent, waiting }
  }
  throw new Error('The kernel took everything.')
}

/** What {@link overfill} may have buffered. */
const ROOM = { maxBufferedBytes: 64 * 1024 * KIB } as const

/** Sends so much that it stays above the mark: on a busy machine the kernel may take some of it a moment later. */
function overfill(send: (text: string) => Sent): { readonly waiting: Promise<void> } {
  const { waiting } = fill(send)
  for (let more = 0; more < MORE_THAN_THE_KERNEL; more++) void send(LARGE)
  return { waiting }
}

/** A socket that passes on one write at a time, when it is told to. */
class StepwiseSocket extends Duplex {
  #next: (() => void) | undefined

  constructor() {
    super({ writableHighWaterMark: 1 })
  }

  override _read(): void {}

  override _write(_chunk: Buffer, _encoding: string, done: () => void): void {
    this.#next = done
  }

  passOn(): void {
    this.#next!()
  }
}

function isPending(promise: Promise<void>): Promise<boolean> {
  return Promise.race([promise.then(() => false), new Promise<boolean>((resolve) => setImmediate(resolve, true))])
}

describe('send() to a client that does not read', () => {
  it('returns nothing below the high-water mark and a promise above it', async () => {
    const { send, client } = await paused({})
    expect(send(SMALL)).toBeUndefined()
    const { waiting } = fill(send)
    expect(await isPending(waiting)).toBe(true)
    client.socket.destroy()
  })

  it('returns the same promise to all pending calls, and resolves it when the client has read', async () => {
    const { send, client, ended } = await paused({})
    const { sent, waiting } = fill(send)
    expect(send(SMALL)).toBe(waiting)
    client.socket.resume()
    await waiting
    expect(send(SMALL)).toBeUndefined()
    const lines = await Promise.all(Array.from({ length: sent }, () => client.frame()))
    expect(new Set(lines)).toEqual(new Set([`text ${LARGE}`]))
    expect([await client.frame(), await client.frame()]).toEqual([`text ${SMALL}`, `text ${SMALL}`])
    client.hex('8882 00000000 03e8')
    expect(await ended).toMatchObject({ code: 1000 })
  })

  it('resolves when the client has disconnected, and rejects the next message', async () => {
    const { send, client, ended } = await paused({})
    const { waiting } = fill(send)
    client.reset()
    await waiting
    expect(await ended).toMatchObject({ code: 1006 })
    expect(() => send(SMALL)).toThrow(expect.objectContaining({ code: 'ERR_CONNECTION_CLOSED' }))
  })

  it('accepts one message that is larger than all bounds', async () => {
    const { send, client } = await paused({ maxBufferedBytes: MARK })
    const huge = 'x'.repeat(8 * 1024 * KIB)
    const waiting = send(huge)
    client.socket.resume()
    await waiting
    expect((await client.frame()).length).toBe('text '.length + huge.length)
    client.socket.destroy()
  })
})

describe('maxBufferedBytes', () => {
  it.each(['close', 'wait'] as const)(
    'closes the connection at once with 1013 under the policy %s',
    async (slowConsumer) => {
      const { send, client, server } = await paused({ maxBufferedBytes: 1024 * KIB, slowConsumer })
      const { sent } = fill(send)
      let more = 0
      expect(() => {
        for (; more < MORE_THAN_THE_KERNEL; more++) void send(LARGE)
      }).toThrow(expect.objectContaining({ code: 'ERR_SLOW_CONSUMER' }))
      expect(more).toBeLessThanOrEqual(4)
      expect(() => send(SMALL)).toThrow(expect.objectContaining({ code: 'ERR_CONNECTION_CLOSED' }))
      client.socket.resume()
      const frames = await client.framesUntilClose()
      expect(frames).toHaveLength(sent + more + 1)
      expect(frames.at(-1)).toBe('close 1013')
      client.socket.destroy()
      await eventually(() => server.log).toMatchObject([{ level: 'warn' }])
    },
  )
})

describe('slowConsumer: close', () => {
  it('closes with 1013 a client that stays above the mark for slowConsumerTimeoutMs', async () => {
    const { send, client, server, ended } = await paused({ ...ROOM, slowConsumerTimeoutMs: 40, closeTimeoutMs: 60_000 })
    const { waiting } = overfill(send)
    // The sender is let go at once, and not when the client has been cut.
    await waiting
    expect(() => send(SMALL)).toThrow(expect.objectContaining({ code: 'ERR_CONNECTION_CLOSED' }))
    client.socket.resume()
    expect((await client.framesUntilClose()).at(-1)).toBe('close 1013')
    client.hex('8882 00000000 03f5')
    expect(await ended).toMatchObject({ code: 1013, reason: 'reading too slowly' })
    expect(server.log).toMatchObject([
      { level: 'warn', details: { path: '/' }, message: expect.stringContaining('reads too slowly: closed') as string },
    ])
  })

  it('destroys the connection of a client that does not read the close frame, and reports 1013 to the application and the counters', async () => {
    const { send, client, server, ended } = await paused({ ...ROOM, slowConsumerTimeoutMs: 20, closeTimeoutMs: 20 })
    overfill(send)
    expect(await ended).toMatchObject({ code: 1013, reason: 'reading too slowly' })
    expect(server.stats().webSockets).toMatchObject({ closed: { 1013: 1 }, slowConsumers: { closed: 1 } })
    client.socket.destroy()
  })
})

describe('a client that receives messages continuously', () => {
  it('is not slow while it repeatedly falls below the mark, even if it never reads everything', async () => {
    const options = resolveOptions({ highWaterMarkBytes: 100, slowConsumerTimeoutMs: 50, pingIntervalMs: false })
    const slow: string[] = []
    const owner: PeerOwner = {
      onMessage: () => true,
      onSlow: (outcome) => slow.push(outcome),
      onPeerClosed() {},
      onSocketClosed() {},
    }
    const socket = new StepwiseSocket()
    const context = {
      options,
      outbox: new Outbox(),
      heartbeat: new Heartbeat(50),
      counters: new ServerCounters(),
      buffered: { added() {} },
    }
    const peer = new WebSocketPeer(socket, context, owner)
    socket.write('101')
    peer.open()
    socket.passOn()
    const waiting = peer.sendText('x'.repeat(200))
    expect(waiting).toBeInstanceOf(Promise)
    void peer.sendText('small')
    socket.passOn()
    // It has read the large one, and is sent the next small one before it has read the last.
    expect(peer.sendText('small')).toBeUndefined()
    await waiting
    peer.check(performance.now() + 1000)
    expect(slow).toEqual([])
  })
})

describe('slowConsumer: wait', () => {
  it('keeps a client that does not read for longer than slowConsumerTimeoutMs', async () => {
    const { send, client, server } = await paused({
      ...ROOM,
      slowConsumer: 'wait',
      slowConsumerTimeoutMs: 10,
      closeTimeoutMs: 60,
    })
    const { waiting } = overfill(send)
    // The close timeout of another connection passes first, so the server has checked timeouts several times.
    const other = await RawClient.open(server.port, '/', { allowHalfOpen: true })
    other.hex('8880 00000000')
    await eventually(() => server.connectionCount).toBe(1)
    other.socket.destroy()
    expect(await isPending(waiting)).toBe(true)
    client.socket.resume()
    await waiting
    expect(send(SMALL)).toBeUndefined()
    expect(server.log).toEqual([])
    client.socket.destroy()
  })
})

describe('slowConsumer: drop', () => {
  it('drops messages above the mark, logs this once, and sends again when the client has read', async () => {
    const { send, client, server } = await paused({ slowConsumer: 'drop', slowConsumerTimeoutMs: 10 })
    const { sent, waiting } = fill(send)
    for (let i = 0; i < 1000; i++) expect(send(LARGE)).toBeUndefined()
    client.socket.resume()
    await waiting
    expect(send('after')).toBeUndefined()
    const lines: string[] = []
    while (lines.at(-1) !== 'text after') lines.push(await client.frame())
    expect(lines).toHaveLength(sent + 1)
    expect(server.log).toMatchObject([
      {
        level: 'warn',
        details: { path: '/' },
        message: expect.stringContaining('reads too slowly: messages dropped') as string,
      },
    ])
    client.socket.destroy()
  })
})

describe('a client that pings and does not read', () => {
  it('makes the server buffer at most about its high-water mark', async () => {
    const server = createServer()
    const sockets: Socket[] = []
    server.on('connection', (socket: Socket) => sockets.push(socket))
    const application = setTraits(protocolTypeRouter({ websocket: echo }), { checksOrigin: true })
    const attachment = attach(server, application, { highWaterMarkBytes: MARK })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    onTestFinished(async () => {
      await attachment.close(1)
      server.close()
    })
    const client = await RawClient.open((server.address() as AddressInfo).port)
    client.socket.pause()
    // 40 MB of pings, whose answers do not fit into the buffers of the kernel.
    const ping = clientFrame('ping', 'x'.repeat(125))
    const pings = Buffer.concat(Array.from({ length: 1000 }, () => ping))
    for (let i = 0; i < 300; i++) {
      await new Promise((resolve) => client.socket.write(pings, resolve))
      expect(sockets[0]!.writableLength).toBeLessThan(MARK + 2 * 65_536)
    }
    client.write(clientFrame('ping', 'latest'))
    const { bytesWritten } = client.socket
    await eventually(() => sockets[0]!.bytesRead).toBe(bytesWritten)
    expect(sockets[0]!.writableLength).toBeGreaterThan(MARK / 2)
    // The latest ping is still answered after the client reads again (RFC 6455 §5.5.3).
    client.socket.resume()
    let line = ''
    while (line !== 'pong latest') line = await client.frame()
    client.socket.destroy()
  })
})
