import type { Application } from '../../asgi/application.ts'
import type { LiveTarget } from '../../asgi/application-traits.ts'
import { INSPECTION_EXTENSION } from '../../asgi/inspection.ts'
import { longResponsesOf } from '../../asgi/long-response.ts'
import type { HttpScope, WebSocketScope } from '../../asgi/scope.ts'
import { LIVE_SUBPROTOCOL } from '../frames.ts'
import type { LiveSettings } from '../live-settings.ts'
import { CallLimiter } from './call-limiter.ts'
import { corsHeaders, isOwnPage, preflightHeaders } from './cross-origin.ts'
import { EventStream } from './event-stream.ts'
import { HttpConnection, type ConnectionAnswer } from './http-connection.ts'
import { resolveHttpOptions, type ResolvedHttpOptions } from './http-options.ts'
import { HttpProblem, HttpResponse } from './http-response.ts'
import { readLiveBody, type LiveBody } from './live-body.ts'
import type { ClientOfCall } from './over-http.ts'
import { PollAnswer } from './poll-answer.ts'
import { RequestAnswers } from './request-answers.ts'

/**
 * Returns a function that runs the WebSocket application over HTTP, with all its middleware: a client has the same rights as over a
 * WebSocket.
 */
export function liveOverHttp(settings: LiveSettings): (target: LiveTarget) => Application<HttpScope> {
  const options = resolveHttpOptions(settings.name, settings.http === false ? {} : settings.http)
  const { presenceLeaseMs } = options
  const limiter = new CallLimiter(options)
  const mayCall = (client: ClientOfCall): boolean => limiter.take(client)
  return ({ websocket, allowsOrigin }) =>
    async function liveOverHttp(scope, receive, send) {
      const request = webSocketScope(scope)
      const cors = corsHeaders(request, allowsOrigin ?? isOwnPage)
      const response = new HttpResponse(send, cors.headers)
      if (scope.method === 'OPTIONS') {
        if (cors.isAllowed) response.answer(204, preflightHeaders)
        else response.text(403, 'Forbidden')
        return
      }
      // The check of the server for handshakes. An origin validator is a part of the application.
      if (allowsOrigin === undefined && cors.isForeign && scope.headers.has('cookie')) {
        response.text(403, 'Forbidden')
        return
      }
      try {
        const body = await readLiveBody(scope, receive, options)
        if (body === undefined) return
        const connection = new HttpConnection(body, { transport: body.transport, presenceLeaseMs, mayCall }, (end) =>
          answerTo(body, { scope, response, options }, end),
        )
        const refused =
          body.transport === 'requests' ? undefined : longResponsesOf(scope)?.start(scope, connection, body.transport)
        if (refused !== undefined) throw new HttpProblem(refused.status, refused.message, refused.headers)
        await connection.run(websocket, inspectedAs(scope, request), receive)
      } catch (error) {
        if (!(error instanceof HttpProblem)) throw error
        response.text(error.status, error.message, error.headers)
      }
    }
}

/** The scope of the handshake that the client would send. */
function webSocketScope(scope: HttpScope): WebSocketScope {
  const { extensions, ...others } = scope
  const tls = extensions?.['tls']
  return {
    ...others,
    type: 'websocket',
    scheme: scope.scheme === 'https' ? 'wss' : 'ws',
    subprotocols: [LIVE_SUBPROTOCOL],
    extensions: { 'websocket.http.response': {}, ...(tls !== undefined && { tls }) },
  }
}

/** The inspection of the response is that of its connection. */
function inspectedAs({ extensions }: HttpScope, request: WebSocketScope): WebSocketScope {
  const inspection = extensions?.[INSPECTION_EXTENSION]
  if (inspection === undefined) return request
  return { ...request, extensions: { ...request.extensions, [INSPECTION_EXTENSION]: inspection } }
}

/** @param end ends the connection after a whole answer */
function answerTo(
  body: LiveBody,
  { scope, response, options }: { scope: HttpScope; response: HttpResponse; options: ResolvedHttpOptions },
  end: () => void,
): ConnectionAnswer {
  if (body.transport === 'requests') return new RequestAnswers(response, end)
  if (body.transport === 'poll') return new PollAnswer(response, body, end)
  return new EventStream(response, longResponsesOf(scope)?.bodyOf(scope), options.commentIntervalMs)
}
