import type { IncomingMessage, Server } from 'node:http'
import type { Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { handToNodeHttp, type ServeHttp } from './hand-to-node-http.ts'

/** Headers that ask for another protocol, or belong to such an upgrade (RFC 7540 §3.2.1). */
const upgradePattern = /^(upgrade|http2-settings)$/i

/**
 * Serves a request that asks for an unsupported protocol, as the clients of Java and curl ask for h2c, as a request without Upgrade
 * (RFC 9110 §7.8: a server may ignore Upgrade). Node has already removed its parser from the socket: it gets the socket again, with
 * the request without these headers first, so that bodies and keep-alive work.
 */
export function ignoreUpgrade(request: IncomingMessage, socket: Socket, head: Buffer): void {
  const { server, encrypted } = socket as Partial<TLSSocket> & { readonly server: Server }
  // The first listener is Node's own, or under serve() the handshake fast path, which passes the connection to Node. The listeners
  // after it have already seen the connection.
  const [serveHttp] = server.listeners(encrypted === true ? 'secureConnection' : 'connection') as [ServeHttp]
  handToNodeHttp(server, serveHttp, socket, Buffer.concat([Buffer.from(headOf(request), 'latin1'), head]))
}

function headOf({ method, url, httpVersion, rawHeaders }: IncomingMessage): string {
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (upgradePattern.test(name)) continue
    const value = name.toLowerCase() === 'connection' ? withoutUpgrade(rawHeaders[i + 1]!) : rawHeaders[i + 1]!
    if (value !== '' || name.toLowerCase() !== 'connection') text += `${name}: ${value}\r\n`
  }
  return `${text}\r\n`
}

function withoutUpgrade(options: string): string {
  const kept = options.split(',').filter((option) => !upgradePattern.test(option.trim()))
  return kept.join(',').trim()
}
