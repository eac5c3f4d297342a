import { request, type RequestOptions } from 'node:https'
import { connect, type ConnectionOptions, type TLSSocket } from 'node:tls'
import { onTestFinished } from 'vitest'

/** An answer over HTTPS. */
export interface HttpsAnswer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>
  readonly body: string
  /** Of the server, as `CN=localhost`. */
  readonly certificateName: string | undefined
}

/** One request over HTTP/1.1 on a connection of its own. */
export function getHttps(url: string, options: RequestOptions): Promise<HttpsAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { agent: false, ...options }, (response) => {
      const { subject } = (response.socket as TLSSocket).getPeerCertificate()
      void response
        .setEncoding('utf8')
        .toArray()
        .then((pieces) => {
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body: pieces.join(''), certificateName: subject && String(subject.CN) })
        }, reject)
    })
    sent.on('error', reject).end()
  })
}

/** A TLS connection, open when it resolves. */
export function openTls(port: number, options: ConnectionOptions): Promise<TLSSocket> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', ...options })
    socket.once('secureConnect', () => resolve(socket)).once('error', reject)
    onTestFinished(() => void socket.destroy())
  })
}
