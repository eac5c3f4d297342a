import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Duplex } from 'node:stream'
import * as tls from 'node:tls'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { describeWith } from '../../../../../test/setup/describe-with.ts'
import { writeTo, type SocketWriter } from '../../../src/server/transport/direct-write.ts'
import { suiteCertificates } from '../tls/certificates.ts'

/** The longest write that goes past the stream. */
const DIRECT_BYTES = 4096

/** libuv's count of a socket's unsent bytes. */
function unsentOf(socket: Socket): number {
  const { _handle: handle } = socket as unknown as { readonly _handle: { readonly writeQueueSize: number } }
  return handle.writeQueueSize
}

/** An accepted socket, which does not read, and its client, which does not read until it is resumed. */
async function pair(
  server: Server = createServer({ pauseOnConnect: true }),
): Promise<{ socket: Socket; client: Socket }> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1').pause()
  const [socket] = (await once(server, 'connection')) as [Socket]
  onTestFinished(() => {
    client.destroy()
    socket.destroy()
    server.close()
  })
  return { socket, client }
}

/** Writes small messages until the kernel takes no more. Returns what was written. */
function fill(socket: Socket, writer: SocketWriter): Buffer[] {
  const written: Buffer[] = []
  while (unsentOf(socket) === 0) {
    written.push(Buffer.alloc(DIRECT_BYTES, written.length))
    writeTo(socket, written.at(-1)!, writer)
  }
  return written
}

describe('writeTo()', () => {
  it('writes past the stream after a first write, up to 4,096 bytes', async () => {
    const { socket } = await pair()
    const writer: SocketWriter = { route: 'stream' }
    const throughStream = vi.spyOn(socket, 'write')
    writeTo(socket, Buffer.alloc(10), writer)
    expect([throughStream.mock.calls.length, writer.route]).toEqual([1, 'direct'])
    writeTo(socket, Buffer.alloc(DIRECT_BYTES), writer)
    expect([throughStream.mock.calls.length, writer.route]).toEqual([1, 'direct'])
    writeTo(socket, Buffer.alloc(DIRECT_BYTES + 1), writer)
    expect([throughStream.mock.calls.length, writer.route]).toEqual([2, 'direct'])
    expect(socket.bytesWritten).toBe(10 + 2 * DIRECT_BYTES + 1)
  })

  it('leaves one direct write unfinished, and counts every later byte in the queue of the stream', async () => {
    const { socket } = await pair()
    const writer: SocketWriter = { route: 'stream' }
    writeTo(socket, Buffer.alloc(1), writer)
    fill(socket, writer)
    expect([writer.route, socket.writableLength]).toEqual(['writing', 0])
    expect(unsentOf(socket)).toBeLessThanOrEqual(DIRECT_BYTES)
    let waiting = 0
    for (let i = 1; i <= 30; i++) {
      waiting = writeTo(socket, Buffer.alloc(DIRECT_BYTES), writer)
      expect([writer.route, socket.writableLength]).toEqual(['stream', i * DIRECT_BYTES])
    }
    expect(waiting).toBe(30 * DIRECT_BYTES)
  })

  it('keeps the order of direct, queued and large writes to a peer that stops reading', async () => {
    const { socket, client } = await pair()
    const writer: SocketWriter = { route: 'stream' }
    const routes = new Set<string>()
    const written: Buffer[] = []
    const received: Buffer[] = []
    client.on('data', (chunk: Buffer) => received.push(chunk))
    const send = (size: number): void => {
      const bytes = Buffer.alloc(size, written.length % 251)
      written.push(bytes)
      writeTo(socket, bytes, writer)
      routes.add(writer.route)
    }
    for (let round = 0; round < 5; round++) {
      client.pause()
      send(100)
      written.push(...fill(socket, writer))
      routes.add(writer.route)
      for (const size of [100, DIRECT_BYTES, DIRECT_BYTES + 1, 20_000, 100]) send(size)
      const expected = written.reduce((sum, { length }) => sum + length, 0)
      client.resume()
      // While the bytes drain, every kind of write comes between two events of the socket.
      while (client.bytesRead < expected) {
        send(100)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    socket.end()
    await once(client, 'end')
    expect([...routes].toSorted()).toEqual(['direct', 'stream', 'writing'])
    expect(Buffer.concat(received).equals(Buffer.concat(written))).toBe(true)
  })

  it('sends an unfinished direct write before the end of the socket, and its route stays ended', async () => {
    const { socket, client } = await pair()
    const writer: SocketWriter = { route: 'stream' }
    writeTo(socket, Buffer.alloc(1), writer)
    const written = fill(socket, writer)
    expect(writer.route).toBe('writing')
    writer.route = 'ended'
    socket.end()
    let received = 0
    client.on('data', (chunk: Buffer) => (received += chunk.length)).resume()
    await once(client, 'end')
    expect(received).toBe(1 + written.length * DIRECT_BYTES)
    expect(writer.route).toBe('ended')
  })

  it.each(['finished', 'unfinished'])('destroys the socket if the peer resets it after a %s write', async (how) => {
    const { socket, client } = await pair()
    const writer: SocketWriter = { route: 'stream' }
    writeTo(socket, Buffer.alloc(1), writer)
    if (how === 'unfinished') fill(socket, writer)
    expect(writer.route).toBe(how === 'finished' ? 'direct' : 'writing')
    const errors: string[] = []
    socket.on('error', ({ message }) => errors.push(message))
    const closed = new Promise((resolve) => socket.once('close', resolve))
    client.resetAndDestroy()
    while (writer.route === 'direct') {
      writeTo(socket, Buffer.alloc(1), writer)
      await new Promise((resolve) => setImmediate(resolve))
    }
    await closed
    expect(errors).toEqual([expect.stringMatching(/^write (EPIPE|ECONNRESET)$/)])
  })
})

describeWith(['openssl'], 'writeTo() a TLS socket or another stream', () => {
  const certificates = suiteCertificates()

  it('writes by the stream: Node allows one unfinished write at a time', async () => {
    const { key, cert } = certificates.pair
    const server = tls.createServer({ key, cert })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    const client = tls.connect({ port: (server.address() as AddressInfo).port, rejectUnauthorized: false })
    const [socket] = (await once(server, 'secureConnection')) as [tls.TLSSocket]
    onTestFinished(() => {
      client.destroy()
      socket.destroy()
      server.close()
    })
    const other = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() })
    for (const stream of [socket, other]) {
      const writer: SocketWriter = { route: 'stream' }
      for (let i = 0; i < 3; i++) writeTo(stream, Buffer.alloc(10), writer)
      expect(writer.route).toBe('stream')
    }
    const [received] = (await once(client, 'data')) as [Buffer]
    expect(received.length % 10).toBe(0)
  })
})
