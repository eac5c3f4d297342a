import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import type { NodeListener } from './node-listener.ts'

/** The bounds of one connection. */
export interface ConnectionBounds {
  /** The most requests that run at the same time. */
  readonly maxPipelinedRequests: number
  readonly maxRequestsPerConnection: number | false
  /** How long a connection may be left unread, in milliseconds. */
  readonly sendTimeoutMs: number
}

const PIPELINE: unique symbol = Symbol('tideway.pipeline')
const COUNT: unique symbol = Symbol('tideway.requests')

type HttpSocket = Socket & {
  [PIPELINE]?: Pipeline | undefined
  [COUNT]?: number
  readonly _httpMessage?: ServerResponse | null
}

/**
 * Wraps a listener with bounds on the requests of one HTTP/1.1 connection.
 *
 * A client may send requests without waiting for responses (RFC 9112 §9.3.2). The listener runs `maxPipelinedRequests` of them
 * at the same time. Later requests wait, and the socket is not read, until one is answered. A socket that is not read
 * does not report that its client has disconnected, so a connection on which no waiting request is reached within
 * `sendTimeoutMs` is destroyed.
 *
 * The response to the request number `maxRequestsPerConnection` closes the connection, and later requests are ignored.
 *
 * All responses end when the client disconnects. A pipelined request has a response without a socket until its turn comes, and
 * Node 20 emits `close` only on the response that has the socket.
 */
export function boundedConnections(inner: NodeListener, bounds: ConnectionBounds): NodeListener {
  const { maxRequestsPerConnection } = bounds
  return (request, response) => {
    const socket: HttpSocket = request.socket
    const count = (socket[COUNT] ?? 0) + 1
    socket[COUNT] = count
    const isLast = count === maxRequestsPerConnection
    if (isLast) response.shouldKeepAlive = false
    // Most connections never have a second request before the first one is answered, and need no pipeline.
    if (socket[PIPELINE] === undefined && response.socket !== null) inner(request, response)
    else pipelineOf(socket, bounds).add(request, response, inner)
    if (isLast) pipelineOf(socket, bounds).ignoreMore()
  }
}

/**
 * Ignores everything that the client sends later on this connection: the server refused an ambiguous request, so the bytes after it
 * may be a part of its body (RFC 9112 §11.2).
 */
export function refuseMoreOf(socket: Socket, bounds: ConnectionBounds): void {
  pipelineOf(socket, bounds).refuseMore()
}

/** Whether later requests of the connection are ignored. The last response closes the connection. */
export function ignoresMore(socket: Socket): boolean {
  return (socket as HttpSocket)[PIPELINE]?.isIgnoring === true
}

/** Ends the pipeline of a connection that leaves Node's HTTP, after an upgrade or a CONNECT: its owner decides when it is read. */
export function leavePipeline(socket: Socket): void {
  ;(socket as HttpSocket)[PIPELINE]?.leave()
}

function pipelineOf(socket: HttpSocket, bounds: ConnectionBounds): Pipeline {
  return (socket[PIPELINE] ??= new Pipeline(socket, bounds))
}

/** A request whose listener has not been called. */
interface WaitingRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly listener: NodeListener
}

/** The unanswered requests of one connection, from its first pipelined request on. */
class Pipeline {
  readonly #socket: HttpSocket
  readonly #bounds: ConnectionBounds
  /** The responses of the requests whose listeners run. */
  readonly #running = new Set<ServerResponse>()
  /** At most the requests of one chunk, since the socket is not read while a request waits. */
  #waiting: WaitingRequest[] = []
  /** Destroys a connection that is not read for too long. */
  #deadline: NodeJS.Timeout | undefined
  #isIgnoring = false
  /** After the first ignored request the socket is not read: Node keeps each parsed request until the response before it has ended. */
  #hasIgnored = false
  #isHttp = true
  /** One function for all responses of the connection. */
  readonly #onResponseClose: (this: ServerResponse) => void

  constructor(socket: HttpSocket, bounds: ConnectionBounds) {
    this.#socket = socket
    this.#bounds = bounds
    const answered = (response: ServerResponse): void => this.#answered(response)
    this.#onResponseClose = function () {
      answered(this)
    }
    const { _httpMessage: first } = socket
    if (first !== undefined && first !== null) this.#watch(first)
    // Each listener is added once per socket: a listener per request costs the square of the number of requests.
    socket.on('close', () => this.#end())
    // Node resumes the socket after each request that it has parsed.
    socket.on('resume', () => this.#pause())
  }

  get isIgnoring(): boolean {
    return this.#isIgnoring
  }

  add(request: IncomingMessage, response: ServerResponse, listener: NodeListener): void {
    this.#isHttp = true
    if (this.#isIgnoring) {
      this.#hasIgnored = true
      this.#pause()
    } else if (this.#running.size >= this.#bounds.maxPipelinedRequests) {
      this.#waiting.push({ request, response, listener })
      this.#pause()
    } else this.#run({ request, response, listener })
  }

  ignoreMore(): void {
    this.#isIgnoring = true
  }

  /** Also drops the waiting requests, which follow the refused one. */
  refuseMore(): void {
    this.#isIgnoring = true
    this.#waiting = []
  }

  leave(): void {
    this.#isHttp = false
    clearTimeout(this.#deadline)
    this.#deadline = undefined
  }

  /** Pauses the socket while a request waits, or after one was ignored. Without those, the last request may have a body to read. */
  #pause(): void {
    if (!this.#isHttp || !(this.#hasIgnored || this.#waiting.length > 0)) return
    this.#socket.pause()
    this.#deadline ??= setTimeout(() => this.#socket.destroy(), this.#bounds.sendTimeoutMs).unref()
  }

  #resume(): void {
    clearTimeout(this.#deadline)
    this.#deadline = undefined
    if (this.#isHttp) this.#socket.resume()
  }

  #run({ request, response, listener }: WaitingRequest): void {
    this.#watch(response)
    listener(request, response)
  }

  #watch(response: ServerResponse): void {
    if (this.#running.has(response)) return
    this.#running.add(response)
    response.once('close', this.#onResponseClose)
  }

  #answered(response: ServerResponse): void {
    this.#running.delete(response)
    // Node may end the response that has the socket before the listeners here are called.
    if (this.#socket.destroyed) return
    const next = this.#waiting.shift()
    if (next === undefined) return
    if (this.#waiting.length === 0 && !this.#hasIgnored) this.#resume()
    else this.#deadline?.refresh()
    this.#run(next)
  }

  /** Drops the waiting requests, whose listeners were never called, and closes the running responses. */
  #end(): void {
    this.#isHttp = false
    clearTimeout(this.#deadline)
    this.#waiting = []
    for (const response of this.#running) {
      // Node ends the response that has the socket.
      if (response.socket !== null) continue
      response.destroy()
      response.emit('close')
    }
  }
}
