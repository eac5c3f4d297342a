import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'

// Connections from Node, for a program that counts and does not measure. What is measured has load/ for its load.

/** The target of the load. */
export interface Target {
  readonly port: number
  readonly path: string
}

/** Opens a plain socket as a WebSocket. It receives frames. */
export async function open({ port, path }: Target): Promise<Socket> {
  const socket = connect({ port, host: '127.0.0.1', noDelay: true })
  const key = randomBytes(16).toString('base64')
  socket.write(
    `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1:${port}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
      `Sec-WebSocket-Key: ${key}\r\nSec-WebSocket-Version: 13\r\nOrigin: http://127.0.0.1:${port}\r\n\r\n`,
  )
  const [answer] = (await once(socket, 'data')) as [Buffer]
  if (answer.toString('latin1').startsWith('HTTP/1.1 101')) return socket
  socket.destroy()
  throw new Error(`Refused: ${answer.toString('latin1')}`)
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

/** A chat message that is `bytes` long as JSON, and the answer that every server of the bench gives to it. */
export function chatMessage(bytes: number): { readonly text: string; readonly answer: string } {
  const message = 'x'.repeat(bytes - JSON.stringify({ message: '' }).length)
  return { text: JSON.stringify({ message }), answer: JSON.stringify({ message, user: '' }) }
}
