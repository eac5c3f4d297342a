import { once } from 'node:events'
import {
  connect,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'

/** A whole response on a stream. */
export interface Http2Answer {
  readonly headers: IncomingHttpHeaders
  readonly status: number
  readonly body: string
}

/** A connection of HTTP/2 that ends with the test. */
export async function openHttp2(url: string, options: SecureClientSessionOptions): Promise<ClientHttp2Session> {
  const session = connect(url, options)
  session.on('error', () => {})
  onTestFinished(() => session.destroy())
  // The settings of the server tell the client which features it supports.
  await once(session, 'remoteSettings')
  return session
}

/** A connection to a port of this machine that has negotiated h2 and sends raw bytes. It ends with the test. */
export async function openRawHttp2(port: number, ca: string | Buffer): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca, ALPNProtocols: ['h2'] })
  socket.on('error', () => {})
  onTestFinished(() => void socket.destroy())
  await once(socket, 'secureConnect')
  return socket
}

/** The answer on a stream. Rejects when it is reset. */
export async function answerOf(stream: ClientHttp2Stream): Promise<Http2Answer> {
  const [headers] = (await once(stream, 'response')) as [IncomingHttpHeaders]
  const body = (await stream.setEncoding('utf8').toArray()).join('')
  return { headers, status: Number(headers[':status']), body }
}

/** One request without a body, and its answer. */
export function get(
  session: ClientHttp2Session,
  path: string,
  headers: OutgoingHttpHeaders = {},
): Promise<Http2Answer> {
  return answerOf(session.request({ ':path': path, ...headers }))
}
