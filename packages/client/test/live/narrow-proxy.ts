import { once } from 'node:events'
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { connect, type AddressInfo, type Socket } from 'node:net'

/**
 * An HTTP proxy of a network that lets little through: it strips `Upgrade`, so that the server sees a plain `GET`, it may hold a response
 * until it is complete, and it may cut idle connections.
 */
export class NarrowProxy {
  /** Whether WebSockets pass. */
  passesUpgrades = false
  /** Whether a stream of events passes before its end. */
  passesStreams = true
  /** Answers all requests with this status instead of the server. */
  refusal: number | undefined
  /** Cuts a WebSocket, a stream or a request without an answer after this time without a byte. */
  idleMs: number | undefined
  /** The number of idle connections that are cut. */
  cuts = 0
  /** The requests, as `Accept` of a POST, or as `upgrade`. */
  readonly seen: string[] = []
  readonly #server: Server
  readonly #targetPort: number
  readonly #sockets = new Set<Socket>()

  private constructor(server: Server, targetPort: number) {
    this.#server = server
    this.#targetPort = targetPort
    server.on('connection', (socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {}).once('close', () => this.#sockets.delete(socket))
    })
    server.on('request', (incoming, response) => this.#pass(incoming, response))
    server.on('upgrade', (incoming, socket: Socket, head) => this.#upgrade(incoming, socket, head))
  }

  static async start(targetPort: number): Promise<NarrowProxy> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new NarrowProxy(server, targetPort)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  /** Ends all connections. */
  cut(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  async stop(): Promise<void> {
    this.#server.close()
    this.cut()
    await once(this.#server, 'close')
  }

  #cutWhenIdle(socket: Socket): void {
    // A socket emits `timeout` again after each further time without a byte.
    // The HTTP server has a listener of its own, and a connection has one for each earlier request.
    socket.removeAllListeners('timeout').setTimeout(this.idleMs ?? 0, () => {
      this.cuts++
      socket.destroy()
    })
  }

  #pass(incoming: IncomingMessage, response: ServerResponse): void {
    if (incoming.method === 'POST') this.seen.push(incoming.headers.accept ?? '')
    if (this.refusal !== undefined) {
      response.writeHead(this.refusal, { 'content-type': 'text/plain' }).end('refused')
      return
    }
    if (incoming.headers.accept === 'application/json') this.#cutWhenIdle(incoming.socket)
    const { method, url, headers } = incoming
    const outgoing = request({ host: '127.0.0.1', port: this.#targetPort, method, path: url, headers })
    response.on('error', () => {}).once('close', () => outgoing.destroy())
    outgoing.on('error', () => response.destroy())
    outgoing.on('response', (answer) => {
      answer.on('error', () => response.destroy())
      const isStream = answer.headers['content-type'] === 'text/event-stream'
      if (isStream && !this.passesStreams) return answer.resume()
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      response.flushHeaders()
      if (isStream) this.#cutWhenIdle(incoming.socket)
      return answer.pipe(response)
    })
    incoming.pipe(outgoing)
  }

  #upgrade(incoming: IncomingMessage, socket: Socket, head: Buffer): void {
    this.seen.push('upgrade')
    if (!this.passesUpgrades || this.refusal !== undefined) {
      socket.end('HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n')
      return
    }
    const server = connect(this.#targetPort, '127.0.0.1', () => {
      this.#cutWhenIdle(socket)
      const { rawHeaders, method, url } = incoming
      const lines = rawHeaders.flatMap((name, index) =>
        index % 2 === 0 ? `${name}: ${rawHeaders[index + 1]}\r\n` : [],
      )
      server.write(`${method} ${url} HTTP/1.1\r\n${lines.join('')}\r\n`)
      server.write(head)
    })
    for (const [one, other] of [
      [server, socket],
      [socket, server],
    ] as const)
      one
        .on('error', () => {})
        .once('close', () => other.destroy())
        .pipe(other)
  }
}
