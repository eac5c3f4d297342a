import { FaultProxy, seededRandom } from 'tideway/testing'
import { startTideway, type Backend, type Peer, type StartBackend } from './backend.ts'
import { disturb, type NetworkFault } from './network-fault.ts'

/** What a scenario can have done to its server and to the network, wherever the scenario itself runs. */
export type Command =
  | { do: NetworkFault | 'stop-server' | 'start-server' }
  | { do: 'close'; code: number; reason?: string }
  /** Sends a text to every client, as it is. */
  | { do: 'say'; text: string }
  /** Faults by the seed, one after the other; then all is well. */
  | { do: 'fault-schedule'; seed: number }
  /** Nothing but the report. */
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
 * `{ id, n }` with `{ id, n }`, `{"type":"ping"}` with a pong, and echoes everything else.
 */
export class Arena {
  readonly proxy: FaultProxy
  readonly #startBackend: StartBackend
  readonly #handled: number[] = []
  readonly #tokens: string[] = []
  readonly #peers = new Set<Peer>()
  /** The last request of each client. A client's requests come in the order of their numbers, also when repeated. */
  readonly #lastOf = new Map<string, number>()
  #backend: Backend | undefined
  #port = 0

  constructor(proxy: FaultProxy, startBackend: StartBackend) {
    this.proxy = proxy
    this.#startBackend = startBackend
  }

  static async start(startBackend: StartBackend = startTideway): Promise<Arena> {
    const arena = new Arena(await FaultProxy.start(0), startBackend)
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

  /** The paths of the connections that are open. */
  get paths(): string[] {
    return Array.from(this.#peers, ({ path }) => path)
  }

  async stop(): Promise<void> {
    // The proxy first: it holds connections whose other side will never answer.
    await this.proxy.stop()
    await this.#backend?.stop()
  }

  async control(command: Command): Promise<Report> {
    switch (command.do) {
      case 'stop-server':
        await this.#backend?.stop()
        this.#backend = undefined
        break
      case 'start-server':
        await this.#startServer()
        break
      case 'close':
        for (const peer of this.#peers) peer.close(command.code, command.reason)
        break
      case 'say':
        for (const peer of this.#peers) peer.send(command.text)
        break
      case 'fault-schedule':
        await this.#runSchedule(seededRandom(command.seed))
        break
      case 'report':
        break
      default:
        disturb(this.proxy, command.do)
    }
    return { handled: this.#handled, tokens: this.#tokens }
  }

  async #startServer(): Promise<void> {
    this.#backend = await this.#startBackend(this.#port, {
      open: (peer) => {
        this.#peers.add(peer)
        if (peer.token) this.#tokens.push(peer.token)
      },
      message: (peer, data) => this.#handle(peer, data),
      closed: (peer) => this.#peers.delete(peer),
    })
    this.#port = this.#backend.port
    this.proxy.retarget(this.#port)
  }

  #handle(peer: Peer, data: string | Uint8Array): void {
    if (typeof data !== 'string' || !data.startsWith('{')) return peer.send(data)
    const message = JSON.parse(data) as { type?: string; id?: string; n?: number }
    if (message.type === 'ping') return peer.send('{"type":"pong"}')
    const [client = '', count] = (message.id ?? '').split('-')
    if (!message.id || message.n === undefined) return peer.send(data)
    if (Number(count) > (this.#lastOf.get(client) ?? 0)) {
      this.#lastOf.set(client, Number(count))
      this.#handled.push(message.n)
    }
    return peer.send(JSON.stringify({ id: message.id, n: message.n }))
  }

  async #runSchedule(random: () => number): Promise<void> {
    const { proxy } = this
    const pause = (maxMs: number): Promise<void> =>
      new Promise((resolve) => {
        setTimeout(resolve, random() * maxMs)
      })
    const faults: (() => void)[] = [
      () => proxy.cut(),
      () => proxy.reset(),
      () => proxy.halfOpen(),
      () => proxy.stall(),
      () => proxy.delay(random() * 15),
      () => proxy.refuse(),
      () => proxy.heal(),
      () => {
        const code = random() < 0.5 ? 1011 : 1012
        for (const peer of this.#peers) peer.close(code, 'spread=30')
      },
    ]
    for (let left = 3 + Math.floor(random() * 8); left > 0; left--) {
      await pause(25)
      faults[Math.floor(random() * faults.length)]?.()
    }
    proxy.heal()
  }
}
