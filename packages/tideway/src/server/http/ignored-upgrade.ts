import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { serveAnew, type ServeHttp } from './serve-anew.ts'

/** Fields that ask for another protocol, or belong to the asking (RFC 7540 §3.2.1). */
const askingPattern = /^(upgrade|http2-settings)$/i

/**
 * Serves a request that asks for a protocol which is not spoken here, as Java's and curl's clients ask for h2c, as if it did
 * not ask (RFC 9110 §7.8: a server may ignore Upgrade). Node has taken its parser off the socket already: it gets the socket
 * anew, with the request in front that does not ask, so that bodies and keep-alive are as ever.
 */
export function ignoreUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { server, encrypted } = socket as Partial<TLSSocket> & { readonly server: Server }
  // The server's own listener comes first; those behind it have seen the connection.
  const [serveHttp] = server.listeners(encrypted === true ? 'secureConnection' : 'connection') as [ServeHttp]
  serveAnew(server, serveHttp, socket, Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (askingPattern.test(name)) continue
    const value = name.toLowerCase() === 'connection' ? withoutAsking(rawHeaders[i + 1]!) : rawHeaders[i + 1]!
    if (value !== '' || name.toLowerCase() !== 'connection') text += `${name}: ${value}\r\n`
  }
  return `${text}\r\n`
}

function withoutAsking(options: string): string {
  const kept = options.split(',').filter((option) => !askingPattern.test(option.trim()))
  return kept.join(',').trim()
}
