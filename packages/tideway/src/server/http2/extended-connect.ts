import type { ServerHttp2Stream } from 'node:http2'
import type { CompressionNegotiator } from '../handshake/deflate-parameters.ts'
import { checkOffer, isHandshakeProblem, problem } from '../handshake/handshake.ts'
import { acceptFields, denialFields, plainDenial } from '../handshake/handshake-answers.ts'
import type { Handshake, HandshakeAnswers, HandshakeProblem } from '../handshake/handshake-result.ts'
import type { RequestHead } from '../handshake/request-head.ts'
import { fieldsOf } from './http1-head.ts'

/** Checks the extended CONNECT that opens a WebSocket (RFC 8441 §5): it has no key and no connection headers. */
export function checkExtendedConnect(
  request: RequestHead,
  compression?: CompressionNegotiator,
): Handshake | HandshakeProblem {
  if (request.headers['sec-websocket-version'] !== '13') {
    return problem(400, 'This server supports WebSocket version 13 only.', [['Sec-WebSocket-Version', '13']])
  }
  const offer = checkOffer(request, compression)
  return isHandshakeProblem(offer) ? offer : { ...offer, key: '', answers: answersOverHttp2 }
}

/** Answers a handshake on a stream: with 200 instead of 101, and without a key (RFC 8441 §5). */
export const answersOverHttp2: HandshakeAnswers = Object.freeze<HandshakeAnswers>({
  accept(transport, handshake, subprotocol, headers) {
    const fields = fieldsOf(acceptFields(handshake, subprotocol, headers))
    ;(transport as ServerHttp2Stream).respond({ ...fields, ':status': 200 })
  },
  startDenial(transport, status, headers) {
    const fields = fieldsOf(denialFields(status, headers))
    ;(transport as ServerHttp2Stream).respond({ ...fields, ':status': status })
  },
  denyPlainly(transport, problem, hasBody = true) {
    const { body, fields } = plainDenial(problem)
    answersOverHttp2.startDenial(transport, problem.status, fields)
    if (hasBody) transport.write(body)
  },
})
