import { createHash } from 'node:crypto'
import { STATUS_CODES, type IncomingMessage } from 'node:http'
import { entriesOf, type HeadersInit } from '../../asgi/headers.ts'
import { TidewayError } from '../../errors/tideway-error.ts'
import { requireHeader } from '../require-header.ts'
import type { Compression } from './deflate/compression.ts'
import type { DeflateParameters } from './deflate/negotiate.ts'

/** What a valid handshake asks for. */
export interface Handshake {
  readonly key: string
  readonly subprotocols: readonly string[]
  /** Agreed on, if the client offered it and the server has it. */
  readonly compression?: DeflateParameters | undefined
}

/** Why a handshake was refused, as the response that says so. */
export interface HandshakeProblem {
  readonly status: number
  readonly message: string
  readonly headers: readonly (readonly [string, string])[]
}

/** RFC 6455 §1.3. */
const ACCEPT_GUID = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/

/** What the handshake itself says, and what describes a body that a 101 has none of (RFC 9110 §8.6, RFC 9112 §6.1). */
const ownHeaderPattern = /^(upgrade|connection|sec-websocket-(accept|extensions)|content-length|transfer-encoding)$/i

/** RFC 9110 §5.6.2. */
const tokenPattern = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/

/** Whether the protocol that a request asks for is ours (RFC 6455 §4.2.1, 3). Another one may be ignored. */
export function asksForWebSocket({ headers }: IncomingMessage): boolean {
  return hasToken(headers.upgrade, 'websocket')
}

/** Checks the request of a client's opening handshake (RFC 6455 §4.2.1). */
export function checkHandshake(request: IncomingMessage, compression?: Compression): Handshake | HandshakeProblem {
  const { headers } = request
  // Node answers a plain request without a Host by itself, but not an upgrade (RFC 9112 §3.2).
  if (hostCount(request.rawHeaders) !== 1) return problem(400, 'A handshake has exactly one Host.')
  if (request.method !== 'GET') return problem(405, 'A WebSocket handshake is a GET request.', [['Allow', 'GET']])
  if (request.httpVersion !== '1.1') return problem(505, 'A WebSocket handshake needs HTTP/1.1.')
  if (!hasToken(headers.connection, 'upgrade')) return problem(400, 'Connection: Upgrade is missing.')
  if (headers['sec-websocket-version'] !== '13') {
    return problem(426, 'This server speaks version 13.', [
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
    ])
  }
  const key = headers['sec-websocket-key']
  if (key === undefined || !keyPattern.test(key)) return problem(400, 'Sec-WebSocket-Key is missing or invalid.')
  const subprotocols = parseSubprotocols(headers['sec-websocket-protocol'])
  if (subprotocols === undefined) return problem(400, 'Sec-WebSocket-Protocol is invalid.')
  const agreed = compression?.negotiate(headers['sec-websocket-extensions'])
  if (agreed === 'malformed') return problem(400, 'Sec-WebSocket-Extensions is invalid.')
  return { key, subprotocols, compression: agreed }
}

/** Whether the check found a problem. */
export function isHandshakeProblem(result: Handshake | HandshakeProblem): result is HandshakeProblem {
  return 'status' in result
}

/** The response that completes the handshake (RFC 6455 §4.2.2). @throws TidewayError `ERR_BAD_EVENT` */
export function acceptResponse(handshake: Handshake, subprotocol: string | undefined, headers: HeadersInit): string {
  if (subprotocol !== undefined && !handshake.subprotocols.includes(subprotocol)) {
    const offered = handshake.subprotocols.join(', ') || 'none'
    throw new TidewayError(
      'ERR_BAD_EVENT',
      `accept() with subprotocol "${subprotocol}", but the client offered ${offered}.`,
    )
  }
  const accept = createHash('sha1')
    .update(handshake.key + ACCEPT_GUID)
    .digest('base64')
  let response = `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n`
  if (subprotocol !== undefined) response += `Sec-WebSocket-Protocol: ${subprotocol}\r\n`
  if (handshake.compression !== undefined) {
    response += `Sec-WebSocket-Extensions: ${handshake.compression.response}\r\n`
  }
  for (const [name, value] of entriesOf(headers)) {
    if (name.toLowerCase() === 'sec-websocket-protocol') {
      throw new TidewayError('ERR_BAD_EVENT', 'accept() takes the subprotocol as an option, not as a header.')
    }
    if (ownHeaderPattern.test(name)) {
      throw new TidewayError('ERR_BAD_EVENT', `accept() with the header ${name}, which is the server's own to set.`)
    }
    response += headerLine(name, value)
  }
  return `${response}\r\n`
}

/** Status line and headers of a response that refuses the handshake; its body ends with the connection. */
export function denialHead(status: number, headers: HeadersInit): string {
  if (!Number.isInteger(status) || status < 200 || status > 599) {
    throw new TidewayError('ERR_BAD_EVENT', `A handshake is refused with a status of 200 to 599, not ${status}.`)
  }
  let head = ''
  let connection = 'close'
  let hasDate = false
  for (const [name, value] of entriesOf(headers)) {
    const lower = name.toLowerCase()
    if (lower === 'connection' || lower === 'transfer-encoding') continue
    // RFC 9110 §7.8: Upgrade goes with an option of the connection.
    if (lower === 'upgrade') connection = 'close, Upgrade'
    hasDate ||= lower === 'date'
    head += headerLine(name, value)
  }
  if (!hasDate) head += `Date: ${new Date().toUTCString()}\r\n`
  return `HTTP/1.1 ${status} ${STATUS_CODES[status] ?? 'Unknown'}\r\nConnection: ${connection}\r\n${head}\r\n`
}

/** A whole refusal in plain text. */
export function plainDenial(
  status: number,
  message: string,
  headers: readonly (readonly [string, string])[] = [],
): string {
  const body = `${message}\n`
  const own = [
    ['Content-Type', 'text/plain; charset=utf-8'],
    ['X-Content-Type-Options', 'nosniff'],
    ['Content-Length', String(Buffer.byteLength(body))],
  ] as const
  return denialHead(status, [...headers, ...own]) + body
}

function headerLine(name: string, value: string): string {
  requireHeader(name, value)
  return `${name}: ${value}\r\n`
}

function hostCount(rawHeaders: readonly string[]): number {
  let count = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') count++
  }
  return count
}

function hasToken(header: string | undefined, token: string): boolean {
  return header !== undefined && header.split(',').some((one) => one.trim().toLowerCase() === token)
}

function parseSubprotocols(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return []
  const names = header.split(',').map((name) => name.trim())
  const areValid = names.every((name) => tokenPattern.test(name)) && new Set(names).size === names.length
  return areValid ? names : undefined
}

function problem(status: number, message: string, headers: HandshakeProblem['headers'] = []): HandshakeProblem {
  return { status, message, headers }
}
