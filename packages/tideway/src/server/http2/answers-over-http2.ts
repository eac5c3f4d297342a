import type { ServerHttp2Stream } from 'node:http2'
import { acceptFields, denialFields, plainDenial } from '../handshake/handshake-answers.ts'
import { fieldsOf } from './http1-head.ts'
import type { HandshakeAnswers } from '../handshake/handshake-result.ts'

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
