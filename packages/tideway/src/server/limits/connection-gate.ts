import type { EventEmitter } from 'node:events'
import type { Socket } from 'node:net'
import { clientNetwork } from '../../asgi/ip-address.ts'
import type { RequestHead } from '../handshake/request-head.ts'
import type { RefusalReason } from '../handshake/refusal-reason.ts'
import { RETRY_AFTER_SECONDS } from '../http/readiness.ts'
import { onSocketClosed } from '../transport/socket-owner.ts'
import { plainSocketOf } from '../transport/tls/plain-socket.ts'
import { TrustedProxies, type ProxyOptions } from '../handshake/trusted-proxies.ts'
import type { LimitOptions } from './limit-options.ts'
import { SendWatch } from './send-watch.ts'

/** Why the server itself refuses a request or handshake. */
export interface Refusal {
  readonly status: number
  readonly message: string
  readonly headers: readonly (readonly [string, string])[]
  readonly reason: RefusalReason
}

/** A connection, stream or response that emits `close` at its end. */
type Closing = Pick<EventEmitter, 'once'>

/** The options of a gate. */
type GateOptions = ProxyOptions &
  Readonly<Required<Pick<LimitOptions, 'maxConnections' | 'maxConnectionsPerAddress' | 'maxHeaders' | 'sendTimeoutMs'>>>

const retryAfter = [['Retry-After', String(RETRY_AFTER_SECONDS)]] as const
const tooMany: Refusal = {
  status: 503,
  message: 'The server has too many connections.',
  headers: retryAfter,
  reason: 'tooManyConnections',
}
const tooManyOfAddress: Refusal = {
  status: 429,
  message: 'Too many connections from one address.',
  headers: retryAfter,
  reason: 'tooManyOfAddress',
}
const tooManyHeaders: Refusal = {
  status: 431,
  message: 'The request has too many headers.',
  headers: [],
  reason: 'tooManyHeaders',
}

/**
 * The most connections above the limit that may wait for a response. Each gets it after its request: an earlier response would be an
 * error to the client. All others are destroyed at once.
 */
const MOST_EXCESS = 1024

/** The common key of clients whose address a trusted proxy does not send. */
const UNKNOWN = 'unknown'

/** Counts the connections of a server and refuses those above its limits. */
export class ConnectionGate {
  readonly #maxConnections: number
  readonly #maxPerAddress: number
  readonly #maxHeaders: number
  readonly #trusted: TrustedProxies | undefined
  readonly #perAddress = new Map<string, number>()
  readonly #excess = new Map<Socket, Refusal>()
  readonly #sends: SendWatch
  /** WebSockets and long responses over HTTP/2. */
  #streams = 0
  #open = 0
  #total = 0
  /** One function for all sockets, instead of a closure and the wrapper of `once` for each. */
  readonly #onClose: (this: Socket) => void

  constructor(options: GateOptions) {
    const { maxConnections, maxConnectionsPerAddress, maxHeaders, proxyHeaders, trustedProxies } = options
    this.#sends = new SendWatch(options.sendTimeoutMs)
    this.#maxConnections = maxConnections === false ? Infinity : maxConnections
    this.#maxPerAddress = maxConnectionsPerAddress === false ? Infinity : maxConnectionsPerAddress
    this.#maxHeaders = maxHeaders
    this.#trusted = proxyHeaders ? new TrustedProxies(trustedProxies) : undefined
    const closed = (socket: Socket): void => {
      this.#open--
      this.#excess.delete(socket)
      this.#sends.delete(socket)
    }
    this.#onClose = function () {
      closed(this)
    }
  }

  /** The number of open connections. */
  get open(): number {
    return this.#open
  }

  /** The number of connections since the start. */
  get total(): number {
    return this.#total
  }

  /** The number of connections destroyed because they sent no byte for `sendTimeoutMs`. */
  get sendTimeouts(): number {
    return this.#sends.destroyed
  }

  /** Counts an accepted connection. */
  readonly onConnection = (socket: Socket): void => {
    this.#open++
    this.#total++
    const isExcess = this.#open + this.#streams > this.#maxConnections
    if (isExcess) this.#excess.set(socket, tooMany)
    onSocketClosed(socket, this.#onClose)
    this.#sends.add(socket)
    // The connections of a trusted proxy count for its clients.
    const isProxy = this.#trusted?.has(socket.remoteAddress) === true
    if (!isExcess && !isProxy && !this.#enter(socket, socket.remoteAddress)) this.#excess.set(socket, tooManyOfAddress)
    // Never destroys a socket within the limits: all others may come from one address.
    if (this.#excess.size > MOST_EXCESS && this.#excess.has(socket)) socket.destroy()
  }

  /** Returns why a request or handshake is refused before any other check, or `undefined` if it is allowed. */
  refusalOf(request: RequestHead): Refusal | undefined {
    // Node keeps names and values in one list.
    if (request.rawHeaders.length > 2 * this.#maxHeaders) return tooManyHeaders
    return this.#excess.size === 0 ? undefined : this.#excess.get(plainSocketOf(request.socket))
  }

  /** Counts a WebSocket or a long response behind a trusted proxy for its client. */
  refusalOfForwarded(request: RequestHead, transport: Closing, client: string | undefined): Refusal | undefined {
    if (this.#trusted?.has(request.socket.remoteAddress) !== true) return undefined
    return this.#enter(transport, client ?? UNKNOWN) ? undefined : tooManyOfAddress
  }

  /** Counts a WebSocket or a long response over HTTP/2 as a connection of its own: otherwise a client could open a hundred for the price of one. */
  refusalOfStream(request: RequestHead, stream: Closing): Refusal | undefined {
    if (this.#open + this.#streams >= this.#maxConnections) return tooMany
    const { remoteAddress } = request.socket
    // Behind a trusted proxy, refusalOfForwarded() has counted it.
    if (this.#trusted?.has(remoteAddress) !== true && !this.#enter(stream, remoteAddress)) return tooManyOfAddress
    this.#streams++
    stream.once('close', () => this.#streams--)
    return undefined
  }

  /** Counts a connection for its address. Returns `false` above the limit. Peers of a Unix socket have no address. */
  #enter(socket: Closing, address: string | undefined): boolean {
    if (this.#maxPerAddress === Infinity || address === undefined) return true
    const network = clientNetwork(address)
    const count = this.#perAddress.get(network) ?? 0
    if (count >= this.#maxPerAddress) return false
    this.#perAddress.set(network, count + 1)
    socket.once('close', () => this.#leave(network))
    return true
  }

  #leave(network: string): void {
    const count = this.#perAddress.get(network)! - 1
    if (count === 0) this.#perAddress.delete(network)
    else this.#perAddress.set(network, count)
  }
}
