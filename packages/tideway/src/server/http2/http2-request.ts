import { IncomingMessage } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Http2Socket } from './http2-socket.ts'

/** Node's internal method that sets the raw headers of a message. Node parses them when `headers` is read. */
interface WithHeaderLines {
  _addHeaderLines(rawHeaders: readonly string[], length: number): void
}

/**
 * Makes an HTTP/1 request object of Node for a stream: `:authority` becomes `Host`, and the other pseudo-header fields become method
 * and url. Returns `undefined` if the request has no Host, or two that differ (RFC 9113 §8.3.1).
 */
export function http2Request(
  socket: Http2Socket,
  hasBody: boolean,
  headers: IncomingHttpHeaders,
  rawHeaders: readonly string[],
): IncomingMessage | undefined {
  const { ':authority': authority = headers.host, ':method': method, ':path': path } = headers
  if (authority === undefined || (headers.host ?? authority) !== authority) return undefined
  const raw = ['host', authority]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (!name.startsWith(':') && name !== 'host') raw.push(name, rawHeaders[i + 1]!)
  }
  const request = new IncomingMessage(socket as unknown as Socket)
  request.httpVersion = '2.0'
  request.httpVersionMajor = 2
  request.httpVersionMinor = 0
  request.method = method!
  // A CONNECT outside RFC 8441 has no path. The server refuses it.
  request.url = path ?? '/'
  const { _addHeaderLines: addHeaderLines } = request as unknown as WithHeaderLines
  addHeaderLines.call(request, raw, raw.length)
  // HTTP/1.1 listeners detect a body by this header (RFC 9112 §6). The scope has the headers as the client sent them.
  if (hasBody && headers['content-length'] === undefined) request.headers['transfer-encoding'] = 'chunked'
  return request
}

/** Pipes the data of the stream into the request, no faster than the request is read. */
export function streamBody(stream: ServerHttp2Stream, request: IncomingMessage): void {
  stream.on('data', (chunk: Buffer) => {
    if (!request.push(chunk)) stream.pause()
  })
  stream.once('end', () => {
    request.complete = true
    request.push(null)
  })
  stream.once('close', () => {
    if (!request.complete) request.destroy(Object.assign(new Error('aborted'), { code: 'ECONNRESET' }))
  })
}
