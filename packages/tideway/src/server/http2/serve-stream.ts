import { ServerResponse, type IncomingMessage } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import { tlsDuplexOf } from './tls-duplex.ts'
import { http2Request, streamBody } from './http2-request.ts'
import { Http2Socket } from './http2-socket.ts'

/** A listener for the `stream` event of a server. */
export type Http2StreamListener = (
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  flags: number,
  rawHeaders: readonly string[],
) => void

/** Serves the requests and handshakes of HTTP/2 streams. */
export interface StreamServer {
  onRequest(request: IncomingMessage, response: ServerResponse): void
  /** Answers a WebSocket handshake (RFC 8441) on the stream, which then carries the frames. */
  onConnect(request: IncomingMessage, stream: ServerHttp2Stream): void
}

/** Dispatches a stream: as a request object of HTTP/1.1, or as a WebSocket handshake. */
export function serveStream(
  stream: ServerHttp2Stream,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
  server: StreamServer,
): void {
  // `close` always follows an error.
  stream.on('error', ignore)
  // Node emits `stream` in the next tick. A protocol error later in the same bytes may have ended the connection by then.
  const { session } = stream
  if (session === undefined || stream.destroyed) return
  const socket = new Http2Socket(stream, tlsDuplexOf(session).socket)
  const request = http2Request(socket, !stream.endAfterHeaders, headers, rawHeaders)
  if (request === undefined) refuse(stream, 400)
  else if (headers[':method'] !== 'CONNECT') {
    const response = new ServerResponse(request)
    streamBody(stream, request)
    socket.serve(response)
    if (headers.expect === '100-continue') response.writeContinue()
    server.onRequest(request, response)
  } else if (headers[':protocol'] === 'websocket') server.onConnect(request, stream)
  // The server supports no tunnels (RFC 9110 §9.1) and no other protocols (RFC 8441 §3).
  else refuse(stream, 501)
}

function refuse(stream: ServerHttp2Stream, status: number): void {
  stream.respond({ ':status': status }, { endStream: true })
  // Discards what the client still sends.
  stream.resume()
}

function ignore(): void {}
