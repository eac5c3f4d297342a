import type { IncomingHttpHeaders } from 'node:http'
import type { Socket } from 'node:net'
import { namesIn, type HeaderNames } from '../../asgi/header-names.ts'
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
  readonly socket: Socket
  readonly #names: readonly string[]
  #headers: IncomingHttpHeaders | undefined

  /** @param names the names of the headers in lower case */
  constructor(socket: Socket, url: string, rawHeaders: string[], names: readonly string[]) {
    this.socket = socket
    this.url = url
    this.rawHeaders = rawHeaders
    this.#names = names
  }

  /** Made at its first use: an object with properties that differ per client is a hash table, and most handshakes need none. */
  get headers(): IncomingHttpHeaders {
    this.#headers ??= Object.fromEntries(this.#names.map((name, i) => [name, this.rawHeaders[2 * i + 1]]))
    return this.#headers
  }

  /** Returns the value of a header. The name is in lower case. */
  get(name: string): string | undefined {
    const at = this.#names.indexOf(name)
    return at === -1 ? undefined : this.rawHeaders[2 * at + 1]
  }
}

/** Returns the value of a header that a handshake has once. The name is in lower case. */
export function valueOf(request: RequestHead, name: string): string | undefined {
  // Node makes a list of `set-cookie` only.
  return request instanceof HandshakeHead ? request.get(name) : (request.headers[name] as string | undefined)
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

/** Whether each name occurs once, and the headers as an object have no other meaning: `constructor` is a property of every object. */
function areUnambiguous(names: readonly string[]): boolean {
  return (
    new Set(names).size === names.length && !names.some((name) => name in Object.prototype || nodeHeaders.has(name))
  )
}

/** The names of the last head, and the values that many clients share: mostly, the next head has the same. */
let last: { readonly names: HeaderNames; readonly values: readonly (string | undefined)[] } = {
  names: namesIn([]),
  values: [],
}

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
  const rawHeaders: string[] = []
  const { names: lastNames, values: lastValues } = last
  let isLikeLast = true
  let at = targetEnd + VERSION.length
  for (let i = 0; chunk[at] !== CR; i++) {
    let name = lastNames.raw[i]
    if (name === undefined || !isAt(chunk, at, name) || chunk[at + name.length] !== COLON) {
      isLikeLast = false
      name = chunk.toString('latin1', at, endOf(IN_NAME, chunk, at))
    }
    const start = at + name.length + 2
    if (name === '' || chunk[start - 2] !== COLON || chunk[start - 1] !== SPACE) return undefined
    let value = lastValues[i]
    if (value === undefined || !isAt(chunk, start, value) || chunk[start + value.length] !== CR) {
      if (value !== undefined) isLikeLast = false
      const end = endOf(IN_VALUE, chunk, start)
      if (end === start || chunk[start] === SPACE || chunk[end - 1] === SPACE) return undefined
      value = chunk.toString('latin1', start, end)
    }
    const end = start + value.length
    if (chunk[end] !== CR || chunk[end + 1] !== LF) return undefined
    rawHeaders.push(name, value)
    at = end + 2
  }
  if (at !== length - 2 || rawHeaders.length > 2 * MAX_HEADERS) return undefined
  const names = namesIn(rawHeaders)
  if (names !== lastNames && !areUnambiguous(names.lower)) return undefined
  if (!isLikeLast || names !== lastNames) {
    last = { names, values: names.isShared.map((isShared, i) => (isShared ? rawHeaders[2 * i + 1] : undefined)) }
  }
  const head = new HandshakeHead(socket, chunk.toString('latin1', targetStart, targetEnd), rawHeaders, names.lower)
  if (head.get('upgrade')?.toLowerCase() !== 'websocket') return undefined
  return connectionPattern.test(head.get('connection') ?? '') ? head : undefined
}

function startsWith(chunk: Buffer, at: number, bytes: Buffer): boolean {
  for (let i = 0; i < bytes.length; i++) if (chunk[at + i] !== bytes[i]) return false
  return true
}

/** Whether the bytes at this index are those of the text. */
function isAt(chunk: Buffer, at: number, text: string): boolean {
  for (let i = 0; i < text.length; i++) if (chunk[at + i] !== text.charCodeAt(i)) return false
  return true
}

/** Returns the index after the last byte of the class in the run that starts at `from`. */
function endOf(byteClass: number, chunk: Buffer, from: number): number {
  let at = from
  while (at < chunk.length && (byteClasses[chunk[at]!]! & byteClass) !== 0) at++
  return at
}
