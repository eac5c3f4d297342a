import { defineApplication, fetchHandler, InMemoryChannelLayer, originValidator } from 'tideway'
import { defineGroup, LiveConsumer, request, volatile } from 'tideway/live'
import { path, urlRouter } from 'tideway/routing'
import { serve, type RunningServer } from 'tideway/server'
import { z } from 'zod'
import { FaultProxy, seededRandom } from 'tideway/testing'
import { disturb, type NetworkFault } from '../network-fault.ts'

/** What a test does to the server, also from a page. */
export type LiveCommand =
  | { readonly do: NetworkFault }
  /** Publishes events with the numbers from `from` on. */
  | { readonly do: 'publish'; readonly from: number; readonly count: number }
  /** Ends the server without a close frame, or with 1012. The log stays. */
  | { readonly do: 'kill-server' | 'stop-server' | 'start-server' }
  /** Starts another server for new connections, and drains the old one. */
  | { readonly do: 'move' }
  /** Faults by the seed with events between them; then all is well. */
  | { readonly do: 'fault-schedule'; readonly seed: number }
  | { readonly do: 'report' }

/** What the log has. */
export interface LiveReport {
  /** The numbers of the events in `room.lobby`, in the order of the log. */
  readonly numbers: readonly number[]
  /** The position of the newest event. */
  readonly top: string | undefined
  /** The number of open connections. */
  readonly connections: number
}

const numbered = z.object({ n: z.number() })

const room = defineGroup('room', {
  events: { said: numbered, typing: volatile(numbered) },
  history: { size: 1_000, ttlMs: 600_000 },
})

/** A room in which clients and the server number their events. */
export class RoomConsumer extends LiveConsumer<{}, {}> {
  static override groups = { room }
  /** Many faults in a short time cause many calls. */
  static override http = { commentIntervalMs: 40, callsPerSecond: 1_000_000, callBurst: 1_000_000 }

  override authorize({ id }: { readonly id: string }): boolean {
    return id !== 'forbidden'
  }

  say = request(numbered, ({ n }) => this.publish(room('lobby'), 'said', { n }))
  expel = request(numbered, () => this.close(4403))
  typing = request(numbered, ({ n }) => this.publish(room('lobby'), 'typing', { n }))
}

const pageHtml = '<!doctype html><input>'

/** Scripts that pages load from their own origin, by path. */
export type PageScripts = Readonly<Record<string, string>>

/** Servers with one layer behind a proxy that misbehaves. */
export class LiveArena {
  readonly proxy: FaultProxy
  readonly #layer = new InMemoryChannelLayer()
  readonly #ended: Promise<void>[] = []
  readonly #scripts: PageScripts
  #server: RunningServer | undefined
  #pagePort = 0

  constructor(proxy: FaultProxy, scripts: PageScripts) {
    this.proxy = proxy
    this.#scripts = scripts
  }

  static async start(scripts: PageScripts = {}): Promise<LiveArena> {
    const arena = new LiveArena(await FaultProxy.start(0), scripts)
    await arena.#startServer()
    return arena
  }

  get url(): string {
    return `ws://127.0.0.1:${this.proxy.port}/`
  }

  get pageUrl(): string {
    return `http://127.0.0.1:${this.#pagePort}/`
  }

  async stop(): Promise<void> {
    await this.proxy.stop()
    await this.#server?.close(0)
    await Promise.all(this.#ended)
    await this.#layer.close()
  }

  async control(command: LiveCommand): Promise<LiveReport> {
    switch (command.do) {
      case 'publish':
        for (let n = 0; n < command.count; n++) await this.#publish(command.from + n)
        break
      case 'kill-server':
        this.proxy.reset()
        await this.#server?.close(0)
        this.#server = undefined
        break
      case 'stop-server':
        await this.#server?.close(60_000, { canMove: false })
        this.#server = undefined
        break
      case 'start-server':
        await this.#startServer()
        break
      case 'move':
        await this.#move(60_000)
        break
      case 'fault-schedule':
        await this.#runSchedule(seededRandom(command.seed))
        break
      case 'report':
        break
      default:
        disturb(this.proxy, command.do)
    }
    const events = await room('lobby').history(this.#layer, { last: 1_000 })
    return {
      numbers: events.flatMap(({ data }) => data.n),
      top: events.at(-1)?.position,
      connections: this.#server?.connectionCount ?? 0,
    }
  }

  #page(path: string): Response {
    const script = this.#scripts[path]
    if (script !== undefined) return new Response(script, { headers: { 'content-type': 'text/javascript' } })
    return path.endsWith('.js')
      ? new Response('', { status: 404 })
      : new Response(pageHtml, { headers: { 'content-type': 'text/html' } })
  }

  async #publish(n: number): Promise<void> {
    await room('lobby').publish(this.#layer, 'said', { n })
  }

  async #startServer(): Promise<void> {
    const application = defineApplication({
      channelLayers: { default: this.#layer },
      http: fetchHandler(({ url }) => this.#page(new URL(url).pathname)),
      websocket: originValidator(urlRouter([path('', RoomConsumer.asApplication())]), ['*']),
    })
    this.#server = await serve(application, { port: 0, drainWindowMs: 2_000 })
    // A page stays where it is when the server for connections changes.
    if (this.#pagePort === 0) this.#pagePort = this.#server.port
    this.proxy.retarget(this.#server.port)
  }

  /** The next connections are those of another server, and the clients of this one may move there. */
  async #move(timeoutMs: number): Promise<void> {
    const old = this.#server
    await this.#startServer()
    if (old) this.#ended.push(old.close(timeoutMs))
  }

  async #runSchedule(random: () => number): Promise<void> {
    const { proxy } = this
    const pause = (maxMs: number): Promise<void> =>
      new Promise((resolve) => {
        setTimeout(resolve, random() * maxMs)
      })
    let published = 1_000
    const faults: (() => unknown)[] = [
      () => proxy.cut(),
      () => proxy.reset(),
      () => proxy.halfOpen(),
      () => proxy.delay(random() * 15),
      () => proxy.refuse(),
      () => proxy.heal(),
      () => this.#move(200),
      () => this.#publish(published++),
      () => this.#publish(published++),
    ]
    for (let left = 4 + Math.floor(random() * 10); left > 0; left--) {
      await pause(25)
      await faults[Math.floor(random() * faults.length)]?.()
      await this.#publish(published++)
    }
    proxy.heal()
  }
}
