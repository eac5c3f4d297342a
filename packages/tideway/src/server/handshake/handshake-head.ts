import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { hasSharedValue } from '../../asgi/headers.ts'
import type { RequestHead } from './request-head.ts'

/** Node's parser reads larger heads. The head of a browser has about 600 bytes, and its cookies. */
export const MAX_HEAD_BYTES = 8192
/** Node's parser reads heads with more headers. A browser sends about 15. */
export const MAX_HEADERS = 64

/** The head of a WebSocket handshake, with the properties that Node's parser would give it. */
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
 * Where each byte is allowed: in a name (RFC 9110 §5.6.2), in a value without tabs and obs-text (§5.5), in a path with its query
 * (RFC 3986 §3.3 and §3.4).
 */
const byteClasses: Uint8Array = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  if (!/[ -~]/.test(character)) return 0
  const isName = /[!#$%&'*+\-.^_`|~0-9A-Za-z]/.test(character)
  const isTarget = /[-.~!$&'()*+,;=:@/?%_0-9A-Za-z]/.test(character)
  return IN_VALUE | (isName ? IN_NAME : 0) | (isTarget ? IN_TARGET : 0)
})

/** Headers of a body or of the connection, which Node's parser acts upon, and `set-cookie`, whose values it puts into a list. */
const nodeHeaders: ReadonlySet<string> = new Set([
  'content-length',
  'expect',
  'keep-alive',
  'proxy-connection',
  'set-cookie',
  'te',
  'trailer',
  'transfer-encoding',
])

/** `Connection` as clients send it with a handshake. Firefox sends both options. */
const connectionPattern = /^(?:keep-alive, ?)?upgrade$/i

/**
 * Parses a chunk that is exactly one unambiguous WebSocket handshake. Returns `undefined` for everything else, valid or not: Node's
 * parser reads that. The two parsers agree on every head that this one accepts.
 */
export function readHandshakeHead(
  socket: Socket,
  chunk: Buffer,
  maxBytes: number = MAX_HEAD_BYTES,
): HandshakeHead | undefined {
  const { length } = chunk
  // No bytes may follow. To check the end first rejects most chunks that are no handshake early.
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
    // A duplicate, or a property of every object: a header named `constructor`.
    if (headers[lower] !== undefined || nodeHeaders.has(lower)) return undefined
    // A slice keeps the whole text in memory: only a value that is replaced by a shared string may be a slice.
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

/** Returns the index after the last byte of the class in the run that starts at `from`. */
function endOf(byteClass: number, chunk: Buffer, from: number): number {
  let at = from
  while (at < chunk.length && (byteClasses[chunk[at]!]! & byteClass) !== 0) at++
  return at
}
