import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer, type WebSocket } from 'ws'
import { FaultProxy } from './fault-proxy.ts'
import { seededRandom } from './random.ts'

/** What a scenario can have done to its server and to the network, wherever the scenario itself runs. */
export type Command =
  | { do: 'cut' | 'reset' | 'stall' | 'half-open' | 'refuse' | 'heal' | 'stop-server' | 'start-server' }
  | { do: 'close'; code: number; reason?: string }
  /** Sends a text to every client, as it is. */
  | { do: 'say'; text: string }
  /** Faults by the seed, one after the other; then all is well. */
  | { do: 'fault-schedule'; seed: number }
  /** What the server knows. */
  | { do: 'report' }

/** What the server knows of its clients. */
export interface Report {
  /** The `n` of each request, in the order in which they were handled. */
  readonly handled: readonly number[]
  /** The tokens of the connections. */
  readonly tokens: readonly string[]
}

/**
 * A server that handles each request once, in order, however often it is sent, behind a proxy that misbehaves. It answers
 * `{ id, n }` with `{ id, n }`, `{"type":"ping"}` with a pong, and echoes what is binary or no JSON.
 */
export class Arena {
  readonly proxy: FaultProxy
  readonly #handled: number[] = []
  readonly #tokens: string[] = []
  readonly #paths = new Map<WebSocket, string>()
  /** The last request of each client. A client's requests come in the order of their numbers, also when repeated. */
  readonly #lastOf = new Map<string, number>()
  #http: Server | undefined
  #sockets: WebSocketServer | undefined
  #port = 0

  constructor(proxy: FaultProxy) {
    this.proxy = proxy
  }

  static async start(): Promise<Arena> {
    const arena = new Arena(await FaultProxy.start(0))
    await arena.#startServer()
    return arena
  }

  get url(): string {
    return `ws://127.0.0.1:${this.proxy.port}/`
  }

  /** An empty page of the server's own, for browsers. */
  get pageUrl(): string {
    return `http://127.0.0.1:${this.#port}/`
  }

  async stop(): Promise<void> {
    await this.#stopServer()
    await this.proxy.stop()
  }

  /** The paths of the connections that are open. */
  paths(): string[] {
    return [...this.#paths.values()]
  }

  async control(command: Command): Promise<Report> {
    switch (command.do) {
      case 'cut':
        this.proxy.cut()
        break
      case 'reset':
        this.proxy.reset()
        break
      case 'stall':
        this.proxy.stall()
        break
      case 'half-open':
        this.proxy.halfOpen()
        break
      case 'refuse':
        this.proxy.refuse()
        break
      case 'heal':
        this.proxy.heal()
        break
      case 'stop-server':
        await this.#stopServer()
        break
      case 'start-server':
        await this.#startServer()
        break
      case 'close':
        for (const socket of this.#sockets?.clients ?? []) socket.close(command.code, command.reason)
        break
      case 'say':
        for (const socket of this.#sockets?.clients ?? []) socket.send(command.text)
        break
      case 'fault-schedule':
        await this.#runSchedule(seededRandom(command.seed))
        break
      case 'report':
    }
    return { handled: this.#handled, tokens: this.#tokens }
  }

  async #startServer(): Promise<void> {
    const http = createServer((_, response) => response.setHeader('content-type', 'text/html').end('<!doctype html>'))
    http.listen(this.#port, '127.0.0.1')
    await once(http, 'listening')
    this.#port = (http.address() as AddressInfo).port
    this.proxy.retarget(this.#port)
    const handleProtocols = (offered: Set<string>): string | false => {
      const [protocol, token] = offered
      if (token) this.#tokens.push(token)
      return protocol ?? false
    }
    this.#sockets = new WebSocketServer({ server: http, handleProtocols })
    this.#sockets.on('connection', (socket, { url = '' }) => {
      this.#paths.set(socket, url)
      socket.once('close', () => this.#paths.delete(socket))
      this.#serve(socket)
    })
    this.#http = http
  }

  async #stopServer(): Promise<void> {
    for (const socket of this.#sockets?.clients ?? []) socket.terminate()
    this.#http?.closeAllConnections()
    this.#http?.close()
    if (this.#http) await once(this.#http, 'close')
    this.#http = undefined
  }

  #serve(socket: WebSocket): void {
    socket.on('error', () => {})
    socket.on('message', (data: Buffer, isBinary) => {
      let message: { type?: string; id?: string; n?: number }
      try {
        message = JSON.parse(data.toString()) as typeof message
      } catch {
        return socket.send(data, { binary: isBinary })
      }
      if (message.type === 'ping') return socket.send('{"type":"pong"}')
      const [client = '', count] = (message.id ?? '').split('-')
      if (!message.id || message.n === undefined) return socket.send(data, { binary: isBinary })
      if (Number(count) > (this.#lastOf.get(client) ?? 0)) {
        this.#lastOf.set(client, Number(count))
        this.#handled.push(message.n)
      }
      return socket.send(JSON.stringify({ id: message.id, n: message.n }))
    })
  }

  async #runSchedule(random: () => number): Promise<void> {
    const { proxy } = this
    const pause = (maxMs: number): Promise<void> =>
      new Promise((resolve) => {
        setTimeout(resolve, random() * maxMs)
      })
    const faults: (() => void | Promise<void>)[] = [
      () => proxy.cut(),
      () => proxy.reset(),
      () => proxy.halfOpen(),
      () => proxy.stall(),
      () => proxy.delay(random() * 15),
      () => proxy.refuse(),
      () => proxy.heal(),
      async () => {
        await this.control({ do: 'close', code: random() < 0.5 ? 1011 : 1012, reason: 'spread=30' })
      },
      () => {
        for (const socket of this.#sockets?.clients ?? []) socket.terminate()
      },
    ]
    for (let left = 3 + Math.floor(random() * 8); left > 0; left--) {
      await pause(25)
      await faults[Math.floor(random() * faults.length)]?.()
    }
    proxy.heal()
  }
}
