import { randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Duplex } from 'node:stream'
import { acceptOf } from '../../server/handshake/handshake-answers.ts'

/** The response to a request, with or without an upgrade. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Whether the response opens a WebSocket with the key of the request (RFC 6455 §4.1). */
  readonly isWebSocket: boolean
}

/** The longest wait for a response, in milliseconds. */
const TIMEOUT_MS = 10_000

/** A close frame with 1000, masked by zeros (RFC 6455 §5.5.1). */
const CLOSE_FRAME = Buffer.from([0x88, 0x82, 0, 0, 0, 0, 0x03, 0xe8])

/** Options of a handshake. */
export interface HandshakeOptions {
  readonly origin: string
  /** @default 13, the only standard version */
  readonly version?: number
}

/** Sends a handshake, and closes the WebSocket if it opens. Rejects if there is no response. */
export function shakeHands(url: URL, { origin, version = 13 }: HandshakeOptions): Promise<Answer> {
  const key = randomBytes(16).toString('base64')
  const accept = acceptOf(key)
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    Origin: origin,
    'Sec-WebSocket-Key': key,
    'Sec-WebSocket-Version': String(version),
  }
  return ask(url, headers, (response) => response.headers['sec-websocket-accept'] === accept)
}

/** Requests the same URL without an upgrade. */
export function askPlainly(url: URL): Promise<Answer> {
  return ask(url, { Connection: 'close' }, () => false)
}

function ask(
  url: URL,
  headers: Readonly<Record<string, string>>,
  isRight: (response: IncomingMessage) => boolean,
): Promise<Answer> {
  const send = url.protocol === 'https:' ? httpsRequest : httpRequest
  return new Promise((resolve, reject) => {
    const request = send(url, { headers, agent: false, timeout: TIMEOUT_MS })
    request.on('timeout', () => request.destroy(new Error(`no answer within ${TIMEOUT_MS / 1000} s`)))
    request.on('error', reject)
    request.on('response', (response) => {
      // Discards the body; only status and headers are used.
      response.resume()
      const { statusCode: status = 0 } = response
      resolve({ status, headers: response.headers, isWebSocket: false })
    })
    request.on('upgrade', (response, socket: Duplex) => {
      socket.on('error', () => {})
      socket.end(CLOSE_FRAME)
      socket.resume()
      resolve({ status: 101, headers: response.headers, isWebSocket: isRight(response) })
    })
    request.end()
  })
}
