import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'

/** Where the load goes. */
export interface Target {
  readonly port: number
  readonly path: string
}

/** Connections that have been opened, and how many bytes each has received since. */
export interface Connections {
  readonly sockets: readonly Socket[]
  /** Bytes of frames received over all connections. */
  received(): number
  /** Resolves when `received()` is at least this. */
  reached(bytes: number): Promise<void>
  close(): void
}

/** Handshakes under way at a time: more would measure the queue of the kernel. */
const HANDSHAKES_AT_ONCE = 128

/**
 * Opens plain sockets as WebSockets. The load does not look into frames: it counts their bytes, so that it costs less than
 * the server that it measures.
 */
export async function openConnections(target: Target, count: number): Promise<Connections> {
  let received = 0
  let waiting: { bytes: number; resolve: () => void } | undefined
  const onData = (chunk: Buffer): void => {
    received += chunk.length
    if (waiting === undefined || received < waiting.bytes) return
    const { resolve } = waiting
    waiting = undefined
    resolve()
  }
  const sockets: Socket[] = []
  for (let opened = 0; opened < count; opened += HANDSHAKES_AT_ONCE) {
    const batch = Array.from({ length: Math.min(HANDSHAKES_AT_ONCE, count - opened) }, () => open(target))
    for (const socket of await Promise.all(batch)) {
      socket.on('data', onData)
      sockets.push(socket)
    }
  }
  return {
    sockets,
    received: () => received,
    reached: (bytes) =>
      received >= bytes
        ? Promise.resolve()
        : new Promise((resolve) => {
            waiting = { bytes, resolve }
          }),
    close: () => sockets.forEach((socket) => socket.destroy()),
  }
}

/** Opens one of them. */
export async function open({ port, path }: Target): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:${port}\r\n\r\n`,
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (!answer.toString('latin1').startsWith('HTTP/1.1 101')) throw new Error(`Refused: ${answer.toString('latin1')}`)
  return socket
}

/** A text message as a client's frame. Its masking key is random, as a browser's is (RFC 6455 §5.3). */
export function clientFrame(text: string): Buffer {
  const payload = Buffer.from(text)
  if (payload.length > 65_535) throw new RangeError('The load sends messages up to 65,535 bytes.')
  const mask = randomBytes(4)
  const masked = payload.map((byte, i) => byte ^ mask[i % 4]!)
  const header =
    payload.length < 126
      ? Buffer.from([0x81, 0x80 | payload.length])
      : Buffer.from([0x81, 0x80 | 126, payload.length >> 8, payload.length & 0xff])
  return Buffer.concat([header, mask, masked])
}

/** The bytes of the frame with which a server sends this text. */
export function serverFrameLength(text: string): number {
  const length = Buffer.byteLength(text)
  return length + (length < 126 ? 2 : length < 65_536 ? 4 : 10)
}

/** A chat message that is `bytes` long as JSON, and the answer that every server of the bench gives to it. */
export function chatMessage(bytes: number): { readonly text: string; readonly answer: string } {
  const message = 'x'.repeat(bytes - JSON.stringify({ message: '' }).length)
  return { text: JSON.stringify({ message }), answer: JSON.stringify({ message, user: '' }) }
}

/** Waits until what joining a room leads to is over. */
export function settle(): Promise<void> {
  return delay(1000)
}
