import type { IncomingMessage } from 'node:http'
import type { TLSSocket } from 'node:tls'
import { HeaderList } from '../asgi/headers.ts'
import { asgiVersions, type Address, type ConnectionScope, type HttpScope, type WebSocketScope } from '../asgi/scope.ts'
import { authenticationKey, type ScopeSlots } from '../asgi/scope-slots.ts'
import type { ResolvedOptions } from './options.ts'

/** Where an HTTP scope carries Node's own `{ request, response }`, under `scope.extensions`. */
export const NODE_EXTENSION = 'tideway.node'

/** The scope of an HTTP request, or `undefined` when its target is no path that can be decoded. */
export function httpScope(
  request: IncomingMessage,
  options: ResolvedOptions,
  extensions: Readonly<Record<string, unknown>>,
): HttpScope | undefined {
  return connectionScope(request, options, {
    type: 'http',
    method: request.method!,
    subprotocols: undefined,
    scheme: isEncrypted(request) ? 'https' : 'http',
    extensions,
  }) as HttpScope | undefined
}

/** The scope of a WebSocket handshake, or `undefined` when its target is no path that can be decoded. */
export function webSocketScope(
  request: IncomingMessage,
  options: ResolvedOptions,
  subprotocols: readonly string[],
): WebSocketScope | undefined {
  return connectionScope(request, options, {
    type: 'websocket',
    method: undefined,
    subprotocols,
    scheme: isEncrypted(request) ? 'wss' : 'ws',
    extensions: webSocketExtensions,
  }) as WebSocketScope | undefined
}

const webSocketExtensions = Object.freeze({ 'websocket.http.response': Object.freeze({}) })

/** What an HTTP and a WebSocket scope differ in; the other's own is `undefined`. */
interface OwnPart {
  readonly type: 'http' | 'websocket'
  readonly scheme: string
  readonly method: string | undefined
  readonly subprotocols: readonly string[] | undefined
  readonly extensions: Readonly<Record<string, unknown>>
}

/** Everything in one literal, the slots too, so that the object and its copies are one allocation each. */
function connectionScope(
  request: IncomingMessage,
  options: ResolvedOptions,
  own: OwnPart,
): (OwnPart & Omit<ConnectionScope, 'pathRemaining'> & ScopeSlots) | undefined {
  const target = originForm(request)
  if (target === undefined) return undefined
  const queryAt = target.indexOf('?')
  const rawPath = queryAt === -1 ? target : target.slice(0, queryAt)
  const path = decodePath(rawPath)
  if (path === undefined) return undefined
  const { socket } = request
  return {
    type: own.type,
    scheme: own.scheme,
    method: own.method,
    subprotocols: own.subprotocols,
    extensions: own.extensions,
    asgi: asgiVersions,
    httpVersion: request.httpVersion,
    path,
    rawPath,
    queryString: queryAt === -1 ? '' : target.slice(queryAt + 1),
    rootPath: options.rootPath,
    headers: HeaderList.fromRaw(request.rawHeaders),
    client: address(socket.remoteAddress, socket.remotePort),
    server: address(socket.localAddress, socket.localPort),
    logger: options.logger,
    channelLayers: undefined,
    cookies: undefined,
    session: undefined,
    user: undefined,
    [authenticationKey]: undefined,
    urlRoute: undefined,
    pathRemaining: undefined,
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
