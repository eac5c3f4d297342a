import type { AddressInfo, Server, Socket } from 'node:net'
import type { TLSSocket } from 'node:tls'
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

/** Where an HTTP scope carries Node's own `{ request, response }`, under `scope.extensions`. */
export const NODE_EXTENSION = 'tideway.node'

/** The options that end up in scopes. */
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
  /** What proxies say of requests whose scope is still to be made. */
  readonly #forwarded = new WeakMap<RequestHead, Forwarded>()
  /** Where servers listen, which is a system call to ask. */
  readonly #listening = new WeakMap<Server, AddressInfo | string>()

  constructor(options: ScopeOptions) {
    this.#options = options
    this.#trusted = options.proxyHeaders ? new TrustedProxies(options.trustedProxies) : undefined
  }

  /** The client of a request, as its scope has it. Headers of proxies that it reads are not read again for the scope. */
  client(request: RequestHead): Address | undefined {
    const forwarded = this.#trusted && readForwarded(request, this.#trusted)
    if (forwarded !== undefined) this.#forwarded.set(request, forwarded)
    return clientOf(forwarded, request.socket)
  }

  /** The scope of an HTTP request, or `undefined` when its target is no path that can be decoded. */
  http(request: RequestHead, extensions: Readonly<Record<string, unknown>>): HttpScope | undefined {
    return this.#connection(request, {
      type: 'http',
      schemes: HTTP_SCHEMES,
      method: request.method!,
      subprotocols: undefined,
      extensions,
    }) as HttpScope | undefined
  }

  /** The scope of a WebSocket handshake, or `undefined` when its target is no path that can be decoded. */
  webSocket(request: RequestHead, subprotocols: readonly string[]): WebSocketScope | undefined {
    return this.#connection(request, {
      type: 'websocket',
      schemes: WEBSOCKET_SCHEMES,
      method: undefined,
      subprotocols,
      extensions: webSocketExtensions,
    }) as WebSocketScope | undefined
  }

  /** Node keeps what a socket is asked for; so it is asked only where connections differ, and else they share the answer. */
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
    // It may be told to listen elsewhere.
    server.once('listening', () => this.#listening.delete(server))
    return listening
  }

  /** Everything in one literal, the slots too, so that the object and its copies are one allocation each. */
  #connection(request: RequestHead, own: OwnPart): object | undefined {
    const target = request.url!
    const queryAt = target.indexOf('?')
    const rawPath = queryAt === -1 ? target : target.slice(0, queryAt)
    const path = decodePath(rawPath)
    if (path === undefined) return undefined
    const { socket } = request
    const forwarded = this.#trusted && (this.#forwarded.get(request) ?? readForwarded(request, this.#trusted))
    const isEncrypted = forwarded?.isEncrypted ?? isTls(socket)
    const { rootPath, logger, state } = this.#options
    const scope: Omit<ConnectionScope, 'pathRemaining' | 'state'> & Omit<OwnPart, 'schemes'> & ScopeSlots & WithState =
      {
        type: own.type,
        scheme: own.schemes[isEncrypted ? 1 : 0],
        method: own.method,
        subprotocols: own.subprotocols,
        extensions: isTls(socket) ? { ...own.extensions, tls: tlsExtension(tlsSocketOf(socket)) } : own.extensions,
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
  /** For the connection to set: there is none yet. */
  readonly onEnd: undefined
}

const webSocketExtensions = Object.freeze({ 'websocket.http.response': Object.freeze({}) })

/** What an HTTP and a WebSocket scope differ in; the other's own is `undefined`. */
interface OwnPart {
  readonly type: 'http' | 'websocket'
  /** Without and with encryption. */
  readonly schemes: readonly [string, string]
  readonly method: string | undefined
  readonly subprotocols: readonly string[] | undefined
  readonly extensions: Readonly<Record<string, unknown>>
}

/** The path of a target without fault. `undefined`: it is the asterisk of OPTIONS, or its percent-encoding is not UTF-8. */
function decodePath(rawPath: string): string | undefined {
  if (!rawPath.startsWith('/')) return undefined
  if (!rawPath.includes('%')) return rawPath
  try {
    return decodeURIComponent(rawPath)
  } catch {
    return undefined
  }
}

/** ASGI writes 2 without its zero. The literals are there once, and not once a connection. */
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
