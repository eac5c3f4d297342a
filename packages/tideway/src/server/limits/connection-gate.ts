import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { clientNetwork } from '../../asgi/ip-address.ts'
import type { RequestHead } from '../handshake/request-head.ts'
import type { RefusalReason } from '../handshake/refusal-reason.ts'
import { RETRY_AFTER_SECONDS } from '../http/readiness.ts'
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

/** The options that a gate reads. */
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
  message: 'Too many connections of one address.',
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
 * So many connections above the limit may wait for an answer. They get one when their request is there: before, a client
 * would take it for a fault. Others are cut at once.
 */
const MOST_EXCESS = 1024

/** What the clients are counted under together whose addresses trusted proxies do not say. */
const UNKNOWN = 'unknown'

/** Counts the connections of a server and says what is too much. */
export class ConnectionGate {
  readonly #maxConnections: number
  readonly #maxPerAddress: number
  readonly #maxHeaders: number
  readonly #trusted: TrustedProxies | undefined
  readonly #perAddress = new Map<string, number>()
  readonly #excess = new Map<Socket, Refusal>()
  readonly #sends: SendWatch
  /** WebSockets over HTTP/2. */
  #streams = 0
  #open = 0
  #total = 0
  /** One for all sockets, instead of a closure, and what `once` puts around it, of each. */
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

  /** How many connections there are. */
  get open(): number {
    return this.#open
  }

  /** How many there have been. */
  get total(): number {
    return this.#total
  }

  /** How many were destroyed because nothing was sent on them for `sendTimeoutMs`. */
  get sendTimeouts(): number {
    return this.#sends.destroyed
  }

  /** Takes note of a connection that was accepted. */
  readonly onConnection = (socket: Socket): void => {
    this.#open++
    this.#total++
    const isExcess = this.#open + this.#streams > this.#maxConnections
    if (isExcess) this.#excess.set(socket, tooMany)
    socket.on('close', this.#onClose)
    this.#sends.add(socket)
    // The connections of a proxy that speaks for others are not its own.
    const isProxy = this.#trusted?.has(socket.remoteAddress) === true
    if (!isExcess && !isProxy && !this.#enter(socket, socket.remoteAddress)) this.#excess.set(socket, tooManyOfAddress)
    // Never a socket within the limits: the others may all be of one address.
    if (this.#excess.size > MOST_EXCESS && this.#excess.has(socket)) socket.destroy()
  }

  /** Why a request or handshake is refused before anybody looks at it; `undefined`: it is not. */
  refusalOf(request: RequestHead): Refusal | undefined {
    // Node keeps names and values in one list.
    if (request.rawHeaders.length > 2 * this.#maxHeaders) return tooManyHeaders
    return this.#excess.size === 0 ? undefined : this.#excess.get(plainSocketOf(request.socket))
  }

  /** Counts a WebSocket that came through a trusted proxy to the client that it is of. */
  refusalOfForwarded(request: RequestHead, transport: Duplex, client: string | undefined): Refusal | undefined {
    if (this.#trusted?.has(request.socket.remoteAddress) !== true) return undefined
    return this.#enter(transport, client ?? UNKNOWN) ? undefined : tooManyOfAddress
  }

  /** Counts a WebSocket over HTTP/2 as a connection, though it shares one: else a client would have a hundred for one. */
  refusalOfStream(request: RequestHead, stream: Duplex): Refusal | undefined {
    if (this.#open + this.#streams >= this.#maxConnections) return tooMany
    const { remoteAddress } = request.socket
    // Behind a trusted proxy it is counted for its client.
    if (this.#trusted?.has(remoteAddress) !== true && !this.#enter(stream, remoteAddress)) return tooManyOfAddress
    this.#streams++
    stream.once('close', () => this.#streams--)
    return undefined
  }

  /** `false`: the address has as many connections as it may have. The peers of a Unix socket have none. */
  #enter(socket: Duplex, address: string | undefined): boolean {
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
