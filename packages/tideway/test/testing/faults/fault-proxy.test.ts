import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { buffer } from 'node:stream/consumers'
import { FaultProxy } from 'tideway/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished } from 'vitest'

/** A server that returns every byte. */
const echo = createServer((socket) => {
  socket.on('error', () => {})
  socket.pipe(socket)
})
let proxy: FaultProxy

async function connected(): Promise<Socket> {
  const socket = connect(proxy.port, '127.0.0.1')
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'connect')
  return socket
}

/** A connection over which a byte has made the round trip. */
async function used(): Promise<Socket> {
  const socket = await connected()
  socket.write('?')
  await once(socket, 'data')
  return socket
}

/** Resolves at the end of the connection with its error, or `null`. */
function closeOf(socket: Socket): Promise<Error | null> {
  return new Promise((resolve) => socket.once('close', () => resolve(socket.errored)))
}

/** Resolves with this number of bytes. */
async function received(socket: Socket, length: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  let count = 0
  while (count < length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer]
    chunks.push(chunk)
    count += chunk.length
  }
  return Buffer.concat(chunks)
}

describe('FaultProxy', () => {
  beforeAll(async () => void (await once(echo.listen(0, '127.0.0.1'), 'listening')))
  afterAll(() => void echo.close())
  beforeEach(async () => {
    proxy = await FaultProxy.start((echo.address() as AddressInfo).port)
    return () => proxy.stop()
  })

  it('passes bytes in both directions, and the end after them', async () => {
    const socket = await connected()
    const bytes = Buffer.alloc(1_000_000, 'abc')
    socket.end(bytes)
    expect((await buffer(socket)).equals(bytes)).toBe(true)
    expect(proxy.accepted).toBe(1)
  })

  it('ends connections with a FIN on cut()', async () => {
    const socket = await used()
    const closed = closeOf(socket)
    proxy.cut()
    expect(await closed).toBeNull()
  })

  it('ends connections with a RST on reset()', async () => {
    const socket = await used()
    const closed = closeOf(socket)
    proxy.reset()
    expect(await closed).toMatchObject({ code: 'ECONNRESET' })
  })

  it('closes new connections after refuse()', async () => {
    proxy.refuse()
    await closeOf(connect(proxy.port, '127.0.0.1').on('error', () => {}))
    expect(proxy.accepted).toBe(1)
    proxy.heal()
    await used()
  })

  it('delays bytes, and keeps their order if the delay becomes shorter', async () => {
    const socket = await used()
    proxy.delay(60_000)
    socket.write('first, ')
    // The proxy has read the bytes when it has connected another client to the server.
    const reached = once(echo, 'connection')
    await connected()
    await reached
    proxy.delay(0)
    socket.write('last')
    proxy.heal()
    expect(String(await received(socket, 11))).toBe('first, last')
  })

  it('passes the bytes of a throttled connection in pieces, and the rest on heal()', async () => {
    const socket = await used()
    proxy.throttle(10_000)
    const bytes = Buffer.alloc(200_000, 'abcdefg')
    socket.write(bytes)
    const [first] = (await once(socket, 'data')) as [Buffer]
    expect(first.length).toBeLessThan(10_000)
    proxy.heal()
    expect(Buffer.concat([first, await received(socket, bytes.length - first.length)]).equals(bytes)).toBe(true)
  })

  it('stops reading on stall(), so that the buffers of the sender fill', async () => {
    const socket = await used()
    proxy.stall()
    const bytes = Buffer.alloc(16 * 1024 * 1024, 'z')
    let isSent = false
    socket.write(bytes, () => (isSent = true))
    const other = await connected()
    other.write('?')
    expect(isSent).toBe(false)
    proxy.heal()
    const [, returned] = await Promise.all([received(other, 1), received(socket, bytes.length)])
    expect(returned.equals(bytes)).toBe(true)
  })

  it('drops the bytes of half-open connections, and accepts new ones', async () => {
    const socket = await used()
    proxy.halfOpen()
    let events = 0
    socket.on('data', () => events++).on('close', () => events++)
    socket.write('lost')
    await used()
    expect(events).toBe(0)
  })

  it('passes later connections to another port after retarget()', async () => {
    const greeter = createServer((socket) => void socket.end('hello')).listen(0, '127.0.0.1')
    onTestFinished(() => void greeter.close())
    await once(greeter, 'listening')
    proxy.retarget((greeter.address() as AddressInfo).port)
    expect(String(await buffer(await connected()))).toBe('hello')
  })
})
