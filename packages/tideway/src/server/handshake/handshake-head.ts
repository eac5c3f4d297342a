import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { hasSharedValue } from '../../asgi/headers.ts'
import type { RequestHead } from './request-head.ts'

/** Larger heads are for Node's parser: a browser's is about 600 bytes, and its cookies. */
export const MAX_HEAD_BYTES = 8192
/** Heads with more headers are for Node's parser: a browser sends some 15. */
export const MAX_HEADERS = 64

/** The head of a WebSocket handshake, as Node's parser would have read it. */
export class HandshakeHead implements RequestHead {
  readonly method = 'GET'
  readonly httpVersion = '1.1'
  readonly url: string
  readonly rawHeaders: string[]
  readonly headers: IncomingHttpHeaders
  readonly socket: Socket

  constructor(socket: Socket, url: string, rawHeaders: string[], headers: IncomingHttpHeaders) {
    this.socket = socket
    this.url = url
    this.rawHeaders = rawHeaders
    this.headers = headers
  }
}

const METHOD = Buffer.from('GET ')
const VERSION = Buffer.from(' HTTP/1.1\r\n')
const SPACE = 0x20
const SLASH = 0x2f
const COLON = 0x3a
const CR = 0x0d
const LF = 0x0a

const IN_NAME = 1
const IN_VALUE = 2
const IN_TARGET = 4

/**
 * What a byte may stand in: a name (RFC 9110 §5.6.2), a value without tabs and obs-text (§5.5), a path with its query
 * (RFC 3986 §3.3 and §3.4).
 */
const places: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  if (!/[ -~]/.test(character)) return 0
  const isName = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)
  const isTarget = /[-.~!$&'()*+,;=:@/?%_0-9A-Za-z]/.test(character)
  return IN_VALUE | (isName ? IN_NAME : 0) | (isTarget ? IN_TARGET : 0)
})

/** Headers that say something of a body or of the connection, which Node's parser acts upon, and one that it makes a list of. */
const forNode: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
])

/** `Connection` as clients send it with a handshake: Firefox with both options. */
const connectionPattern = /^(?:keep-alive, ?)?upgrade$/i

/**
 * Reads a chunk that is one whole WebSocket handshake, and one that nobody could read in two ways. `undefined` for everything
 * else, valid or not: that is for Node's parser, which this one agrees with on all that it takes.
 */
export function readHandshakeHead(
  socket: Socket,
  chunk: Buffer,
  maxBytes: number = MAX_HEAD_BYTES,
): HandshakeHead | undefined {
  const { length } = chunk
  // Nothing may follow, and a look at the end spares most of what is no handshake the rest.
  if (length > maxBytes || !startsWith(chunk, 0, METHOD) || chunk[length - 2] !== CR || chunk[length - 1] !== LF) {
    return undefined
  }
  const targetStart = METHOD.length
  const targetEnd = endOf(IN_TARGET, chunk, targetStart)
  if (chunk[targetStart] !== SLASH || !startsWith(chunk, targetEnd, VERSION)) return undefined
  const text = chunk.toString('latin1')
  const rawHeaders: string[] = []
  const headers: Record<string, string> = {}
  let at = targetEnd + VERSION.length
  while (chunk[at] !== CR) {
    const nameEnd = endOf(IN_NAME, chunk, at)
    if (nameEnd === at || chunk[nameEnd] !== COLON || chunk[nameEnd + 1] !== SPACE) return undefined
    const start = nameEnd + 2
    const end = endOf(IN_VALUE, chunk, start)
    if (end === start || chunk[start] === SPACE || chunk[end - 1] === SPACE) return undefined
    if (chunk[end] !== CR || chunk[end + 1] !== LF) return undefined
    const name = text.slice(at, nameEnd)
    const lower = name.toLowerCase()
    // Also what every object has: a header named `constructor`.
    if (headers[lower] !== undefined || forNode.has(lower)) return undefined
    // A slice of the text keeps all of it: only what is exchanged for a string that is there may be one.
    const value = hasSharedValue(lower, end - start) ? text.slice(start, end) : chunk.toString('latin1', start, end)
    headers[lower] = value
    rawHeaders.push(name, value)
    at = end + 2
  }
  if (at !== length - 2 || rawHeaders.length > 2 * MAX_HEADERS) return undefined
  if (headers['upgrade']?.toLowerCase() !== 'websocket') return undefined
  if (!connectionPattern.test(headers['connection'] ?? '')) return undefined
  return new HandshakeHead(socket, chunk.toString('latin1', targetStart, targetEnd), rawHeaders, headers)
}

function startsWith(chunk: Buffer, at: number, bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (chunk[at + i] !== bytes[i]) return false
  return true
}

/** Where the bytes from `from` on that may stand in such a place end. */
function endOf(place: number, chunk: Buffer, from: number): number {
  let at = from
  while (at < chunk.length && (places[chunk[at]!]! & place) !== 0) at++
  return at
}
