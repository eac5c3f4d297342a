import type { RequestHead } from '../handshake/request-head.ts'
import type { CompressionNegotiator } from '../handshake/deflate-parameters.ts'
import { checkOffer, isHandshakeProblem, problem } from '../handshake/handshake.ts'
import { answersOverHttp2 } from './answers-over-http2.ts'
import type { Handshake, HandshakeProblem } from '../handshake/handshake-result.ts'

/** Checks the extended CONNECT that opens a WebSocket (RFC 8441 §5): it has no key and no connection headers. */
export function checkExtendedConnect(
  { headers }: RequestHead,
  compression?: CompressionNegotiator,
): Handshake | HandshakeProblem {
  if (headers['sec-websocket-version'] !== '13') {
    return problem(400, 'This server supports WebSocket version 13 only.', [['Sec-WebSocket-Version', '13']])
  }
  const offer = checkOffer(headers, compression)
  return isHandshakeProblem(offer) ? offer : { ...offer, key: '', answers: answersOverHttp2 }
}
