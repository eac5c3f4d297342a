import type { Socket } from 'node:net'

/** What a client can keep a server in, without a login. */
export interface State {
  readonly name: string
  readonly connections: number
  /** What is written at once, behind the handshake if there is a path. */
  readonly bytes: Buffer | string
  /** The path of a WebSocket; none: what is written is the beginning of a connection. */
  readonly path?: string
  readonly headers?: string
  /** What is written each second from then on. */
  readonly drip?: string
  readonly isUnread?: boolean
}

const MIB = 1024 * 1024
const manyHeaders = Array.from({ length: 90 }, (_, i) => `X-Header-Number-${i}: some value of a header\r\n`).join('')
const get = 'GET /wait HTTP/1.1\r\nHost: a\r\n\r\n'

/** All states, with as many connections as show what one costs. */
export const states: readonly State[] = [
  { name: 'TCP connection without a byte', connections: 1000, bytes: '' },
  {
    name: 'headers of 15 kB, then a byte a second',
    connections: 500,
    bytes: `GET / HTTP/1.1\r\nHost: a\r\nX: ${'x'.repeat(15_000)}`,
    drip: 'x',
  },
  {
    name: 'request body, a byte a second',
    connections: 500,
    bytes: 'POST /wait HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n',
    drip: 'x',
  },
  { name: 'WebSocket without a message or pong', connections: 1000, bytes: '', path: '/' },
  { name: 'the same with 90 more headers', connections: 500, bytes: '', path: '/', headers: manyHeaders },
  { name: 'message of 1 MiB without its last byte', connections: 100, bytes: frame(2, MIB).subarray(0, -1), path: '/' },
  {
    name: 'full inbox, application busy',
    connections: 100,
    bytes: Buffer.concat(Array.from({ length: 40 }, () => frame(2, 60_000))),
    path: '/busy',
  },
  { name: 'WebSocket whose messages are not read', connections: 100, bytes: '', path: '/send', isUnread: true },
  { name: '20,000 pipelined requests that wait', connections: 20, bytes: get.repeat(20_000) },
  {
    name: 'response of 32 MB that is not read',
    connections: 50,
    bytes: get.replace('/wait', '/large'),
    isUnread: true,
  },
]

/** What a client sends to make the server work. */
export interface Load {
  readonly name: string
  readonly unit: Buffer
}

/** Frames for a WebSocket, whose application reads them and answers nothing. */
export const loads: readonly Load[] = [
  { name: 'binary messages of 64 kB', unit: frame(2, 65_000) },
  { name: 'texts of 64 kB, ASCII', unit: frame(1, 65_000) },
  { name: 'texts of 64 kB, characters of three bytes', unit: frame(1, 65_001, '한') },
  { name: 'messages in two fragments of a byte', unit: Buffer.concat([frame(1, 1, 'x', false), frame(0, 1)]) },
  { name: 'empty continuations', unit: frame(0, 0, 'x', false) },
  { name: 'empty texts', unit: frame(1, 0) },
  { name: 'pongs', unit: frame(10, 0) },
  { name: 'pings', unit: frame(9, 0) },
]

/** The beginning of a fragmented message, for {@link loads} of continuations. */
export const firstFragment: Buffer = frame(1, 0, 'x', false)

/** A frame of a client, with a mask of zeros. */
export function frame(opcode: number, length: number, character = 'x', fin = true): Buffer {
  const payload = Buffer.alloc(length, character)
  const first = (fin ? 0x80 : 0) | opcode
  const mask = [0, 0, 0, 0]
  if (length < 126) return Buffer.concat([Buffer.from([first, 0x80 | length, ...mask]), payload])
  if (length < 65_536) {
    return Buffer.concat([Buffer.from([first, 0xfe, length >> 8, length & 255, ...mask]), payload])
  }
  const extended = Buffer.alloc(8)
  extended.writeBigUInt64BE(BigInt(length))
  return Buffer.concat([Buffer.from([first, 0xff]), extended, Buffer.from(mask), payload])
}

/** Writes as a state says. */
export function begin(socket: Socket, { bytes, path, headers = '', isUnread = false }: State): void {
  if (path !== undefined) socket.write(handshake(path, headers))
  socket.write(bytes)
  if (isUnread) socket.pause()
  else socket.resume()
}

/** The handshake of a WebSocket. */
export function handshake(path: string, headers = ''): string {
  return (
    `GET ${path} HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n` +
    `Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n${headers}\r\n`
  )
}
