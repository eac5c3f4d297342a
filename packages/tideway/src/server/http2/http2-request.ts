import { IncomingMessage } from 'node:http'
import type { IncomingHttpHeaders, ServerHttp2Stream } from 'node:http2'
import type { Socket } from 'node:net'
import type { Http2Socket } from './http2-socket.ts'

/** Node's own way to give a message its fields: `headers` is made of them when it is asked for. */
interface WithHeaderLines {
  _addHeaderLines(rawHeaders: readonly string[], length: number): void
}

/**
 * The request of a stream as Node's HTTP/1 has it, but for its version: `:authority` as its Host, the other pseudo-header
 * fields as method and url. `undefined`: it has no Host, or two that differ (RFC 9113 §8.3.1).
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
  // Of a CONNECT that is none of RFC 8441, only its refusal is left to come.
  request.url = path ?? '/'
  const { _addHeaderLines: addHeaderLines } = request as unknown as WithHeaderLines
  addHeaderLines.call(request, raw, raw.length)
  // By this listeners of HTTP/1.1 tell that there is a body (RFC 9112 §6); the scope has the headers as they came.
  if (hasBody && headers['content-length'] === undefined) request.headers['transfer-encoding'] = 'chunked'
  return request
}

/** Gives the request the body of its stream, no faster than it is read. */
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
