import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { HeaderList } from '../asgi/headers.ts'
import { asgiVersions, type Address, type ConnectionScope, type HttpScope, type WebSocketScope } from '../asgi/scope.ts'
import type { ResolvedOptions } from './options.ts'

/** Where an HTTP scope carries Node's own `{ request, response }`, under `scope.extensions`. */
export const NODE_EXTENSION = 'tideway.node'

/** The scope of an HTTP request, or `undefined` when its target is no path that can be decoded. */
export function httpScope(
  request: IncomingMessage,
  options: ResolvedOptions,
  extensions: Readonly<Record<string, unknown>>,
): HttpScope | undefined {
  const scope = connectionScope(request, options, isEncrypted(request) ? 'https' : 'http')
  return scope && { type: 'http', method: request.method!, extensions, ...scope }
}

/** The scope of a WebSocket handshake, or `undefined` when its target is no path that can be decoded. */
export function webSocketScope(
  request: IncomingMessage,
  options: ResolvedOptions,
  subprotocols: readonly string[],
): WebSocketScope | undefined {
  const scope = connectionScope(request, options, isEncrypted(request) ? 'wss' : 'ws')
  return scope && { type: 'websocket', subprotocols, extensions: webSocketExtensions, ...scope }
}

const webSocketExtensions = Object.freeze({ 'websocket.http.response': Object.freeze({}) })

function connectionScope(
  request: IncomingMessage,
  options: ResolvedOptions,
  scheme: string,
): Omit<ConnectionScope, 'extensions'> | undefined {
  const target = originForm(request)
  if (target === undefined) return undefined
  const queryAt = target.indexOf('?')
  const rawPath = queryAt === -1 ? target : target.slice(0, queryAt)
  const path = decodePath(rawPath)
  if (path === undefined) return undefined
  const { socket } = request
  return {
    asgi: asgiVersions,
    httpVersion: request.httpVersion,
    scheme,
    path,
    rawPath,
    queryString: queryAt === -1 ? '' : target.slice(queryAt + 1),
    rootPath: options.rootPath,
    headers: HeaderList.fromRaw(request.rawHeaders),
    client: address(socket.remoteAddress, socket.remotePort),
    server: address(socket.localAddress, socket.localPort),
    logger: options.logger,
  }
}

/**
 * The target as a path with its query. A client may name the whole URL (RFC 9112 §3.2.2); one that differs from the Host
 * would leave it open which of the two a check of hosts has seen.
 */
function originForm(request: IncomingMessage): string | undefined {
  const target = request.url!
  if (target.startsWith('/')) return target
  const [, host, rest] = /^https?:\/\/([^/?#]*)(.*)$/i.exec(target) ?? []
  if (host === undefined || host.toLowerCase() !== request.headers.host?.toLowerCase()) return undefined
  return rest!.startsWith('/') ? rest : `/${rest}`
}

/** RFC 3986: a path begins with `/`, is ASCII, and its percent-encoding is UTF-8. `undefined`: it is not. */
function decodePath(rawPath: string): string | undefined {
  if (!rawPath.startsWith('/') || !/^[\x21-\x7e]*$/.test(rawPath)) return undefined
  if (!rawPath.includes('%')) return rawPath
  try {
    return decodeURIComponent(rawPath)
  } catch {
    return undefined
  }
}

function isEncrypted(request: IncomingMessage): boolean {
  return (request.socket as Partial<TLSSocket>).encrypted === true
}

function address(host: string | undefined, port: number | undefined): Address | undefined {
  return host === undefined ? undefined : { host, port }
}
