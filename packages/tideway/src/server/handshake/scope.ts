import type { AddressInfo, Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
import { hiddenField } from '../../errors/hidden-field.ts'
import { canonicalAddress } from '../../asgi/ip-address.ts'
import { HeaderList } from '../../asgi/headers.ts'
import {
  asgiVersions,
  type Address,
  type ConnectionScope,
  type HttpScope,
  type WebSocketScope,
} from '../../asgi/scope.ts'
import type { Logger } from '../../asgi/logger.ts'
import { authenticationKey, type ScopeSlots } from '../../asgi/scope-slots.ts'
import type { RequestHead } from './request-head.ts'
import { readForwarded, type Forwarded } from './forwarded.ts'
import { tlsSocketOf } from '../transport/tls/plain-socket.ts'
import { tlsExtension } from '../transport/tls/tls-extension.ts'
import { TrustedProxies, type ProxyOptions } from './trusted-proxies.ts'

/** The key of Node's own `{ request, response }` in the `extensions` of an HTTP scope. */
export const NODE_EXTENSION = 'tideway.node'

/** The options that scopes are made of. */
interface ScopeOptions extends ProxyOptions {
  readonly logger: Logger
  readonly rootPath: string
  readonly state: Readonly<Record<string, unknown>> | undefined
}

/** Makes the scopes of one server's connections. */
export class ScopeFactory {
  readonly #options: ScopeOptions
  readonly #trusted: TrustedProxies | undefined
  #lastListening: Address | undefined
  #lastPath = ''
  /** The proxy headers of requests whose scope is not made yet. */
  readonly #forwarded = hiddenField<RequestHead, Forwarded>()
  /** The addresses of servers: each read is a system call. */
  readonly #listening = new WeakMap<Server, AddressInfo | string>()

  constructor(options: ScopeOptions) {
    this.#options = options
    this.#trusted = options.proxyHeaders ? new TrustedProxies(options.trustedProxies) : undefined
  }

  /** Returns the client of a request as in its scope. The scope reuses the proxy headers that this method has read. */
  client(request: RequestHead): Address | undefined {
    const forwarded = this.#trusted && readForwarded(request, this.#trusted)
    if (forwarded !== undefined) this.#forwarded.set(request, forwarded)
    return clientOf(forwarded, request.socket)
  }

  /** Makes the scope of an HTTP request. Returns `undefined` if its path cannot be decoded. */
  http(request: RequestHead, extensions: Readonly<Record<string, unknown>>): HttpScope | undefined {
    return this.#connection(request, {
      type: 'http',
      schemes: HTTP_SCHEMES,
      method: request.method!,
      subprotocols: undefined,
      extensions,
    }) as HttpScope | undefined
  }

  /** Makes the scope of a WebSocket handshake. Returns `undefined` if its path cannot be decoded. */
  webSocket(request: RequestHead, subprotocols: readonly string[]): WebSocketScope | undefined {
    return this.#connection(request, {
      type: 'websocket',
      schemes: WEBSOCKET_SCHEMES,
      method: undefined,
      subprotocols,
      extensions: webSocketExtensions,
    }) as WebSocketScope | undefined
  }

  /** Shares one address between connections. Node caches the address in each socket that is asked, so only sockets of a wildcard server are asked. */
  #localAddress(socket: Socket): Address | undefined {
    const { server } = socket as { readonly server?: Server }
    const listening = server && this.#listeningOf(server)
    if (typeof listening === 'string') return { host: listening, port: undefined }
    if (listening === undefined || isWildcard(listening.address)) return address(socket.localAddress, socket.localPort)
    const { address: host, port } = listening
    const last = this.#lastListening
    if (last?.host === host && last.port === port) return last
    this.#lastListening = Object.freeze({ host, port })
    return this.#lastListening
  }

  #listeningOf(server: Server): AddressInfo | string | undefined {
    const known = this.#listening.get(server)
    if (known !== undefined) return known
    const listening = server.address() ?? undefined
    if (listening === undefined) return undefined
    this.#listening.set(server, listening)
    // The server may listen on another address later.
    server.once('listening', () => this.#listening.delete(server))
    return listening
  }

  /** Shares the path between connections that ask for the same one. A path of a target with a query may be a slice of it, so it is not kept. */
  #rawPathOf(target: string, queryAt: number): string {
    const path = queryAt === -1 ? target : target.slice(0, queryAt)
    if (path === this.#lastPath) return this.#lastPath
    if (queryAt === -1) this.#lastPath = path
    return path
  }

  /** One literal with all properties, also the slots, so that the object and each copy are one allocation. */
  #connection(request: RequestHead, kind: KindPart): object | undefined {
    const target = request.url!
    const queryAt = target.indexOf('?')
    const rawPath = this.#rawPathOf(target, queryAt)
    const path = decodePath(rawPath)
    if (path === undefined) return undefined
    const { socket } = request
    const forwarded = this.#trusted && (this.#forwarded.get(request) ?? readForwarded(request, this.#trusted))
    const isEncrypted = forwarded?.isEncrypted ?? isTls(socket)
    const { rootPath, logger, state } = this.#options
    const scope: Omit<ConnectionScope, 'pathRemaining' | 'state'> & Omit<KindPart, 'schemes'> & ScopeSlots & WithState =
      {
        type: kind.type,
        scheme: kind.schemes[isEncrypted ? 1 : 0],
        method: kind.method,
        subprotocols: kind.subprotocols,
        extensions: isTls(socket) ? { ...kind.extensions, tls: tlsExtension(tlsSocketOf(socket)) } : kind.extensions,
        asgi: asgiVersions,
        httpVersion: versionOf(request.httpVersion),
        path,
        rawPath,
        queryString: queryAt === -1 ? '' : target.slice(queryAt + 1),
        rootPath,
        headers: HeaderList.fromRaw(request.rawHeaders),
        client: clientOf(forwarded, socket),
        server: this.#localAddress(socket),
        state: state && { ...state },
        logger,
        onEnd: undefined,
        onDrain: undefined,
        channelLayers: undefined,
        cookies: undefined,
        session: undefined,
        user: undefined,
        [authenticationKey]: undefined,
        urlRoute: undefined,
        pathRemaining: undefined,
      }
    return scope
  }
}

const HTTP_SCHEMES = ['http', 'https'] as const
const WEBSOCKET_SCHEMES = ['ws', 'wss'] as const

interface WithState {
  readonly state: Record<string, unknown> | undefined
  /** The connection sets them later. */
  readonly onEnd: undefined
  readonly onDrain: undefined
}

const webSocketExtensions = Object.freeze({ 'websocket.http.response': Object.freeze({}) })

/** The properties that differ between HTTP and WebSocket scopes. Each kind has `undefined` for the properties of the other. */
interface KindPart {
  readonly type: 'http' | 'websocket'
  /** Without and with encryption. */
  readonly schemes: readonly [string, string]
  readonly method: string | undefined
  readonly subprotocols: readonly string[] | undefined
  readonly extensions: Readonly<Record<string, unknown>>
}

/** Decodes the path of a valid target. Returns `undefined` for the asterisk of OPTIONS, and if its percent-encoding is not UTF-8. */
function decodePath(rawPath: string): string | undefined {
  if (!rawPath.startsWith('/')) return undefined
  if (!rawPath.includes('%')) return rawPath
  try {
    return decodeURIComponent(rawPath)
  } catch {
    return undefined
  }
}

/** ASGI writes `2` for `2.0`. The literals are shared, so that connections do not keep their own strings. */
function versionOf(httpVersion: string): string {
  if (httpVersion === '1.1') return '1.1'
  return httpVersion === '2.0' ? '2' : httpVersion
}

function isTls(socket: Socket): boolean {
  return (socket as Partial<TLSSocket>).encrypted === true
}

function isWildcard(host: string): boolean {
  return host === '0.0.0.0' || host === '::'
}

function clientOf(forwarded: Forwarded | undefined, { remoteAddress, remotePort }: Socket): Address | undefined {
  const { client } = forwarded ?? {}
  if (client === undefined) return address(remoteAddress, remotePort)
  return client === 'unknown' ? undefined : client
}

function address(host: string | undefined, port: number | undefined): Address | undefined {
  return host === undefined ? undefined : { host: canonicalAddress(host), port }
}
