import { valueOf } from './handshake-head.ts'
import { HeaderScanner } from './header-scanner.ts'
import type { RequestHead } from './request-head.ts'
import type { CompressionNegotiator } from './deflate-parameters.ts'
import { answersOverHttp1 } from './handshake-answers.ts'
import type { Handshake, HandshakeOffer, HandshakeProblem } from './handshake-result.ts'

/** 16 bytes in base64. */
const keyPattern = /^[+/0-9A-Za-z]{22}==$/

/**
 * Whether a request asks for an upgrade to WebSocket (RFC 6455 §4.2.1, 3). A server may ignore other protocols, and must ignore
 * the Upgrade of HTTP/1.0 (RFC 9110 §7.8): some proxies forward the header in a version that cannot upgrade.
 */
export function asksForWebSocket(request: RequestHead): boolean {
  return request.httpVersion !== '1.0' && hasToken(valueOf(request, 'upgrade'), 'websocket')
}

/** Checks a client's opening handshake (RFC 6455 §4.2.1), whose request is valid. */
export function checkHandshake(
  request: RequestHead,
  compression?: CompressionNegotiator,
): Handshake | HandshakeProblem {
  if (request.method !== 'GET') return problem(405, 'A WebSocket handshake is a GET request.', [['Allow', 'GET']])
  if (request.httpVersion !== '1.1') return problem(505, 'A WebSocket handshake needs HTTP/1.1.')
  if (!hasToken(valueOf(request, 'connection'), 'upgrade')) return problem(400, 'Connection: Upgrade is missing.')
  if (valueOf(request, 'sec-websocket-version') !== '13') {
    return problem(426, 'This server supports WebSocket version 13 only.', [
      ['Upgrade', 'websocket'],
      ['Sec-WebSocket-Version', '13'],
    ])
  }
  // Node passes a body on as the first bytes of the WebSocket.
  if ((valueOf(request, 'content-length') ?? '0') !== '0' || valueOf(request, 'transfer-encoding') !== undefined) {
    return problem(400, 'A WebSocket handshake has no body.')
  }
  const key = valueOf(request, 'sec-websocket-key')
  if (key === undefined || !keyPattern.test(key)) return problem(400, 'Sec-WebSocket-Key is missing or invalid.')
  const offer = checkOffer(request, compression)
  if (isHandshakeProblem(offer)) return offer
  return { subprotocols: offer.subprotocols, compression: offer.compression, key, answers: answersOverHttp1 }
}

/** Checks the offered subprotocols and extensions, over HTTP/1.1 and HTTP/2. */
export function checkOffer(
  request: RequestHead,
  compression?: CompressionNegotiator,
): HandshakeOffer | HandshakeProblem {
  const subprotocols = parseSubprotocols(valueOf(request, 'sec-websocket-protocol'))
  if (subprotocols === undefined) return problem(400, 'Sec-WebSocket-Protocol is invalid.')
  const agreed = compression?.negotiate(valueOf(request, 'sec-websocket-extensions'))
  if (agreed === 'malformed') return problem(400, 'Sec-WebSocket-Extensions is invalid.')
  return { subprotocols, compression: agreed }
}

/** Whether the check found a problem. */
export function isHandshakeProblem(result: HandshakeOffer | HandshakeProblem): result is HandshakeProblem {
  return 'status' in result
}

function hasToken(header: string | undefined, token: string): boolean {
  if (header === undefined) return false
  // Nearly all clients send this token alone: no list is needed.
  if (header.length === token.length) return header.toLowerCase() === token
  return header.split(',').some((one) => one.trim().toLowerCase() === token)
}

const noSubprotocols: readonly string[] = Object.freeze([])

/** Ignores empty elements (RFC 9110 §5.6.1.2): some clients send an empty list. Returns `undefined` for an invalid header. */
function parseSubprotocols(header: string | undefined): readonly string[] | undefined {
  if (header === undefined) return noSubprotocols
  const scanner = new HeaderScanner(header)
  const names: string[] = []
  scanner.skipCommas()
  while (!scanner.isAtEnd) {
    const name = scanner.token()
    if (name === undefined) return undefined
    names.push(name)
    if (!scanner.skipCommas() && !scanner.isAtEnd) return undefined
  }
  // RFC 6455 §4.1, 10: each occurs once.
  return new Set(names).size === names.length ? names : undefined
}

/** Makes a refusal. */
export function problem(status: number, message: string, headers: HandshakeProblem['headers'] = []): HandshakeProblem {
  return { status, message, headers }
}
