import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { PassThrough } from 'node:stream'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { setTraits } from '../../../src/asgi/application-traits.ts'
import { sharedSend } from '../../../src/asgi/shared-send.ts'
import { protocolTypeRouter } from '../../../src/routing/protocol-type-router.ts'
import { attach } from '../../../src/server/attach.ts'
import { Heartbeat } from '../../../src/server/transport/heartbeat.ts'
import { ServerCounters } from '../../../src/server/observe/server-counters.ts'
import { resolveOptions } from '../../../src/server/options.ts'
import {
  encodeCloseFrame,
  encodeFrame,
  encodeTextFrame,
  opcodes,
  type Frame,
} from '../../../src/server/websocket/frame.ts'
import { FrameNode } from '../../../src/server/websocket/frame-tree.ts'
import { Outbox, type OutboxClient } from '../../../src/server/websocket/outbox.ts'
import { WebSocketPeer } from '../../../src/server/websocket/websocket-peer.ts'
import { accepting } from '../applications.ts'
import { clientFrame, describeFrames, readFrame } from '../frames.ts'
import { RawClient } from '../raw-client.ts'

const frames = ['a', 'b', 'c'].map((text) => encodeTextFrame(text))
const [a, b, c] = frames as [Frame, Frame, Frame]

/** The bytes of the path over these frames. */
function walk(root: FrameNode, ...path: readonly Frame[]): FrameNode {
  return path.reduce((node, frame) => node.next(frame), root)
}

type Resizable = ArrayBuffer & { resize(length: number): void }

/** A connection that keeps what it writes. */
class Client implements OutboxClient {
  pending: FrameNode | undefined = undefined
  readonly writes: Buffer[] = []

  flush(bytes: Buffer): void {
    this.writes.push(bytes)
  }
}

function endOfTick(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}

describe('encodeFrame', () => {
  it.each([0, 1, 125, 126, 127, 65_535, 65_536, 70_000])('writes the length %i in its shortest form', (length) => {
    const payload = Buffer.alloc(length, '*')
    for (const frame of [encodeFrame(opcodes.binary, payload), encodeTextFrame(payload.toString())]) {
      expect(readFrame(frame.bytes)!.payload.equals(payload)).toBe(true)
      expect(readFrame(frame.bytes)!.rest.length).toBe(0)
    }
  })

  it.each(['é', '€uro', '👍 and text', '\u0080', 'a\ud800b', '\udc00'])('writes the text %j as UTF-8', (text) => {
    // Half a surrogate pair is no character: the replacement character stands for it.
    expect(readFrame(encodeTextFrame(text).bytes)!.payload.equals(Buffer.from(text))).toBe(true)
  })

  it('shortens the reason of a close frame to 123 bytes of whole characters', () => {
    expect(readFrame(encodeCloseFrame(1000, 'x'.repeat(200)).bytes)!.payload.length).toBe(125)
    const { payload } = readFrame(encodeCloseFrame(1000, 'é'.repeat(100)).bytes)!
    expect(payload.subarray(2).toString()).toBe('é'.repeat(61))
    expect(readFrame(encodeCloseFrame().bytes)!.payload.length).toBe(0)
  })

  it('equals the frames of the tests', () => {
    const { payload } = readFrame(encodeTextFrame('Hello').bytes)!
    expect(clientFrame('text', payload).toString('hex')).toBe('81850000000048656c6c6f')
  })
})

describe('FrameNode', () => {
  it('is shared by all members with the same frames in the same order, and so are its bytes', () => {
    const root = new FrameNode()
    expect(walk(root, a, b)).toBe(walk(root, a, b))
    expect(walk(root, a, b).bytes).toBe(walk(root, a, b).bytes)
    expect(walk(root, a, b).bytes.equals(Buffer.concat([a.bytes, b.bytes]))).toBe(true)
  })

  it('differs for another order', () => {
    const root = new FrameNode()
    const [one, two] = [walk(root, a, b, c), walk(root, c, b, a)]
    expect(one.bytes.equals(Buffer.concat([a.bytes, b.bytes, c.bytes]))).toBe(true)
    expect(two.bytes.equals(Buffer.concat([c.bytes, b.bytes, a.bytes]))).toBe(true)
  })

  it('stays correct when members alternate between different frames', () => {
    const root = new FrameNode()
    const nodes = [a, b, a, c, a].map((frame) => walk(root, frame, b, frame))
    const texts = nodes.map((node) => describeFrames(node.bytes).join())
    expect(texts).toEqual(['a', 'b', 'a', 'c', 'a'].map((text) => `text ${text},text b,text ${text}`))
  })

  it('may be abandoned in the middle', () => {
    const root = new FrameNode()
    const middle = walk(root, a)
    const end = middle.next(b)
    expect(middle.bytes).toBe(a.bytes)
    expect(end.bytes.equals(Buffer.concat([a.bytes, b.bytes]))).toBe(true)
    expect(end.byteLength).toBe(a.length + b.length)
  })

  it('writes a single frame without a copy', () => {
    expect(walk(new FrameNode(), a).bytes).toBe(a.bytes)
  })

  it('joins a hundred thousand frames', () => {
    const node = walk(new FrameNode(), ...Array.from({ length: 100_000 }, () => a))
    expect(node.bytes.length).toBe(100_000 * a.length)
  })
})

describe('Outbox', () => {
  it('writes once per tick and connection, for any number of frames', async () => {
    const outbox = new Outbox()
    const [one, two] = [new Client(), new Client()]
    for (const text of ['x', 'y', 'z']) {
      for (const client of [one, two]) outbox.enqueue(client, outbox.textFrame(text))
    }
    expect(one.writes).toEqual([])
    await endOfTick()
    expect(describeFrames(one.writes[0]!)).toEqual(['text x', 'text y', 'text z'])
    expect(one.writes).toHaveLength(1)
    expect(two.writes[0]).toBe(one.writes[0])
  })

  it('writes a large frame at once without a copy, after queued frames and before later ones', async () => {
    const outbox = new Outbox()
    const client = new Client()
    const large = encodeFrame(opcodes.binary, Buffer.alloc(16 * 1024 - 4))
    const below = encodeFrame(opcodes.binary, Buffer.alloc(16 * 1024 - 5))
    for (const frame of [a, b, large, c, large, a, below]) outbox.enqueue(client, frame)
    expect(client.writes).toEqual([Buffer.concat([a.bytes, b.bytes]), large.bytes, c.bytes, large.bytes])
    expect(client.writes[1]).toBe(large.bytes)
    await endOfTick()
    expect(client.writes.slice(4)).toEqual([Buffer.concat([a.bytes, below.bytes])])
  })

  it('writes again in the next tick', async () => {
    const outbox = new Outbox()
    const client = new Client()
    outbox.enqueue(client, outbox.textFrame('x'))
    await endOfTick()
    outbox.enqueue(client, outbox.textFrame('x'))
    await endOfTick()
    expect(client.writes.map((bytes) => describeFrames(bytes))).toEqual([['text x'], ['text x']])
  })

  it('leaves frames that are sent during the writes to the next tick', async () => {
    const outbox = new Outbox()
    const [one, two] = [new Client(), new Client()]
    vi.spyOn(one, 'flush').mockImplementationOnce((bytes) => {
      one.writes.push(bytes)
      outbox.enqueue(one, outbox.textFrame('answer'))
      outbox.enqueue(two, outbox.textFrame('answer'))
    })
    outbox.enqueue(one, outbox.textFrame('x'))
    outbox.enqueue(two, outbox.textFrame('x'))
    await endOfTick()
    await endOfTick()
    expect(describeFrames(Buffer.concat(one.writes))).toEqual(['text x', 'text answer'])
    expect(describeFrames(Buffer.concat(two.writes))).toEqual(['text x', 'text answer'])
  })

  describe('in a tick that does not end', () => {
    /** Of this many events one looks at the clock. */
    const events = 16

    function starved(): { outbox: Outbox; clock: { ms: number }; handleEvents: (count: number) => void } {
      const clock = { ms: 1000 }
      const outbox = new Outbox(() => clock.ms)
      const handleEvents = (count: number): void => {
        for (let i = 0; i < count; i++) outbox.flushIfOverdue()
      }
      return { outbox, clock, handleEvents }
    }

    it('writes frames between two events after they have waited for 20 ms, and not before', async () => {
      const { outbox, clock, handleEvents } = starved()
      const [one, two] = [new Client(), new Client()]
      outbox.enqueue(one, a)
      clock.ms += 15
      for (const client of [one, two]) outbox.enqueue(client, b)
      clock.ms += 4.9
      handleEvents(events)
      expect([...one.writes, ...two.writes]).toEqual([])
      clock.ms += 0.1
      handleEvents(events)
      expect([one.writes, two.writes]).toEqual([[Buffer.concat([a.bytes, b.bytes])], [b.bytes]])
      await endOfTick()
      expect([one.writes, two.writes]).toEqual([[Buffer.concat([a.bytes, b.bytes])], [b.bytes]])
    })

    it('checks the clock every 16th event', () => {
      const { outbox, clock, handleEvents } = starved()
      const client = new Client()
      outbox.enqueue(client, a)
      clock.ms += 20
      handleEvents(events - 1)
      expect(client.writes).toEqual([])
      handleEvents(1)
      expect(client.writes).toEqual([a.bytes])
    })

    it('gives later frames their own 20 ms, or writes them at the end of the tick', async () => {
      const { outbox, clock, handleEvents } = starved()
      const client = new Client()
      outbox.enqueue(client, a)
      clock.ms += 20
      handleEvents(events)
      outbox.enqueue(client, b)
      clock.ms += 19
      handleEvents(events)
      expect(client.writes).toEqual([a.bytes])
      await endOfTick()
      expect(client.writes).toEqual([a.bytes, b.bytes])
    })

    it('counts each read of a connection as an event', () => {
      const { outbox, clock } = starved()
      const context = {
        options: resolveOptions({}),
        outbox,
        heartbeat: new Heartbeat(50),
        counters: new ServerCounters(),
        buffered: { added() {} },
      }
      const owner = { onMessage: () => true, onSlow() {}, onPeerClosed() {}, onSocketClosed() {} }
      const peer = new WebSocketPeer(new PassThrough(), context, owner)
      peer.open()
      const client = new Client()
      outbox.enqueue(client, a)
      clock.ms += 20
      for (let i = 1; i < events; i++) peer.onData(clientFrame('text', 'x'))
      expect(client.writes).toEqual([])
      peer.onData(clientFrame('text', 'x'))
      expect(client.writes).toEqual([a.bytes])
    })

    it('does not interrupt a longer broadcast', async () => {
      const { outbox, clock } = starved()
      const clients = Array.from({ length: 3000 }, () => new Client())
      for (const frame of [a, b]) {
        for (const client of clients) {
          outbox.enqueue(client, frame)
          clock.ms += 1
        }
      }
      await endOfTick()
      expect(clients.every(({ writes }) => writes.length === 1 && writes[0] === clients[0]!.writes[0])).toBe(true)
    })
  })

  it('frames equal texts once', () => {
    const outbox = new Outbox()
    const frame = outbox.textFrame('hello world')
    expect(outbox.textFrame(['hello', 'world'].join(' '))).toBe(frame)
    expect(outbox.textFrame('hello worlD')).not.toBe(frame)
  })

  it('frames equal texts once after many different ones, from the eighth on at the latest', () => {
    const outbox = new Outbox()
    for (let n = 0; n < 1000; n++) outbox.textFrame(`answer ${n}`)
    const frames = Array.from({ length: 300 }, () => outbox.textFrame(['hello', 'world'].join(' ')))
    expect(new Set(frames).size).toBeLessThanOrEqual(8)
    expect(new Set(frames.slice(8)).size).toBe(1)
    expect(frames.every(({ bytes }) => bytes.equals(frames[0]!.bytes))).toBe(true)
  })

  it('frames the same bytes once', () => {
    const outbox = new Outbox()
    const bytes = Buffer.from('abc')
    expect(outbox.binaryFrame(bytes)).toBe(outbox.binaryFrame(bytes))
  })

  it('encodes a new frame for bytes that the sender has changed', () => {
    const outbox = new Outbox()
    const bytes = Buffer.from('abc')
    const before = outbox.binaryFrame(bytes)
    bytes.write('xyz')
    expect(describeFrames(outbox.binaryFrame(bytes).bytes)).toEqual(['binary 78797a'])
    expect(describeFrames(before.bytes)).toEqual(['binary 616263'])
  })

  it('encodes a new frame for bytes that have become shorter', () => {
    const outbox = new Outbox()
    // Node 20 has resizable buffers; the library of types that we compile against has not.
    const buffer = Reflect.construct(ArrayBuffer, [4, { maxByteLength: 4 }]) as Resizable
    const bytes = new Uint8Array(buffer)
    bytes.set([9, 9, 1, 2])
    outbox.binaryFrame(bytes)
    bytes.set([1, 2])
    buffer.resize(2)
    expect(describeFrames(outbox.binaryFrame(bytes).bytes)).toEqual(['binary 0102'])
  })

  it('frames a shared message once, in any tick', async () => {
    const outbox = new Outbox()
    const events = [sharedSend({ text: 'é' }), sharedSend({ bytes: Buffer.from('abc') })] as const
    const made = events.map((event) => outbox.sharedFrame(event))
    expect(made.map((frame) => describeFrames(frame.bytes))).toEqual([['text é'], ['binary 616263']])
    outbox.enqueue(new Client(), made[0]!)
    await endOfTick()
    expect(events.map((event) => outbox.sharedFrame(event))).toEqual(made)
    expect(outbox.sharedFrame(events[0])).toBe(made[0])
    expect(outbox.sharedFrame(events[1])).toBe(made[1])
  })

  it('writes the frames of one connection at once in flush(), and nothing at the end of the tick', async () => {
    const outbox = new Outbox()
    const [one, two] = [new Client(), new Client()]
    outbox.enqueue(one, outbox.textFrame('x'))
    outbox.enqueue(two, outbox.textFrame('x'))
    outbox.flushNow(one)
    outbox.flushNow(one)
    expect(describeFrames(one.writes[0]!)).toEqual(['text x'])
    expect(two.writes).toEqual([])
    await endOfTick()
    expect(one.writes).toHaveLength(1)
    expect(two.writes).toHaveLength(1)
  })
})

describe('a connection', () => {
  it('writes all messages of one turn of its application in one write', async () => {
    const sockets: Socket[] = []
    const server = createServer().on('connection', (socket: Socket) => sockets.push(socket))
    const websocket = accepting(async ({ receive, send }) => {
      await receive()
      for (const text of ['one', 'two', 'three']) await send({ type: 'websocket.send', text })
      await receive()
    })
    const attachment = attach(server, setTraits(protocolTypeRouter({ websocket }), { checksOrigin: true }))
    onTestFinished(async () => {
      await attachment.close(1)
      server.close()
    })
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve)
    })
    const client = await RawClient.open((server.address() as AddressInfo).port)
    const write = vi.spyOn(sockets[0]!, 'write')
    client.write(clientFrame('text', 'go'))
    expect([await client.frame(), await client.frame(), await client.frame()]).toEqual([
      'text one',
      'text two',
      'text three',
    ])
    expect(write).toHaveBeenCalledOnce()
    client.socket.destroy()
  })
})
