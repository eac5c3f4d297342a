import { defineApplication, InMemoryChannelLayer, TidewayError } from 'tideway'
import {
  defineGroup,
  LiveConsumer,
  request,
  RequestError,
  volatile,
  type Authorization,
  type LiveGroup,
} from 'tideway/live'
import { liveServer, type LiveServer } from 'tideway/testing'
import { z } from 'zod'
import { gate, type Gate } from '../consumer/ending.ts'
import { RecordingLogger } from '../consumer/recording-logger.ts'
import type { Bounds } from './vectors.ts'

const events = { said: z.object({ text: z.string() }), typing: volatile(z.object({ user: z.string() })) }
const history = { size: 1, ttlMs: 600_000 }
const prices = defineGroup('prices', { state: z.number() })
const groups = {
  room: defineGroup('room', { events, history }),
  long: defineGroup('long', { events, history: { size: 10_000 } }),
  private: defineGroup('private', { events }),
  down: defineGroup('down', { events }),
  slow: defineGroup('slow', { events }),
  fresh: defineGroup('fresh', { events }),
  recent: defineGroup('recent', { events }),
  board: defineGroup('board', { events }),
  here: defineGroup('here', { events, presence: z.object({ name: z.string() }) }),
  prices,
}

/** The server of the vectors, as `docs/spec/live.md` describes it. */
export class VectorServer {
  readonly layer: InMemoryChannelLayer = new InMemoryChannelLayer()
  readonly logger: RecordingLogger = new RecordingLogger()
  readonly consumers: Set<LiveConsumer<{}, {}>> = new Set()
  readonly #gates = new Map<string, Gate>()
  #server: LiveServer | undefined

  /** Opens a gate: `slow.a` for a join, `wait` for a request. */
  gate(name: string): Gate {
    let found = this.#gates.get(name)
    if (found === undefined) this.#gates.set(name, (found = gate()))
    return found
  }

  async start(bounds: Bounds = {}): Promise<number> {
    const { layer, logger } = this
    const consumer = consumerOf(this, bounds)
    const application = defineApplication({ websocket: consumer.asApplication(), channelLayers: { default: layer } })
    this.#server = await liveServer(application, { logger, drainWindowMs: 5000, host: '127.0.0.1' })
    return this.#server.port
  }

  /** Publishes as a server of any version: also events that the declarations do not have. */
  async publish(g: string, event: object, isVolatile: boolean): Promise<void> {
    const body = JSON.stringify(event)
    const name = this.#group(g).name
    if (isVolatile) await this.layer.keptGroups.publishVolatile(name, body)
    else await this.layer.keptGroups.publish(name, body, g.startsWith('long') ? { size: 10_000 } : history)
  }

  async set({ g, k, d, ttl }: { readonly g: string; readonly k: string; readonly d: number; readonly ttl?: number }) {
    await prices(this.#group(g).id).set(this.layer, k, d, { ttlMs: ttl })
  }

  async delete({ g, k }: { readonly g: string; readonly k: string }): Promise<void> {
    await prices(this.#group(g).id).delete(this.layer, k)
  }

  async append(g: string, body: string): Promise<void> {
    await this.layer.keptGroups.publish(this.#group(g).name, body, history)
  }

  remove(g: string): void {
    for (const consumer of this.consumers) consumer.leave(this.#group(g))
  }

  /** Closes the server, and resolves when it is closed. */
  async close(): Promise<void> {
    await this.#server?.close()
  }

  async end(): Promise<void> {
    await this.close()
    await this.layer.close()
  }

  #group(g: string): LiveGroup {
    const [family, id] = g.split('.') as [keyof typeof groups, string]
    return groups[family](id)
  }
}

/** The consumer class of the vectors. */
function consumerOf(
  server: VectorServer,
  bounds: Bounds,
): typeof LiveConsumer<{}, {}> & (new () => LiveConsumer<{}, {}>) {
  let count = 0
  return class VectorConsumer extends LiveConsumer<{}, {}> {
    static override groups = groups
    static override maxGroups = bounds.groups ?? 100
    static override joinBurst = bounds.joinsAtOnce ?? 100
    static override joinsPerSecond = bounds.joinsPerSecond ?? 20
    static override maxRequests = bounds.requests ?? 100
    static override helloTimeoutMs = bounds.helloMs ?? 10_000

    override connect() {
      server.consumers.add(this)
      return this.accept()
    }

    override async authorize({ family, id }: LiveGroup): Promise<Authorization> {
      switch (family) {
        case 'private':
          return false
        case 'down':
          throw new Error('the database is down')
        case 'slow':
          await server.gate(`slow.${id}`).opened
          return true
        case 'fresh':
          return { resume: false }
        case 'recent':
          return { history: 1 }
      }
      return true
    }

    override present({ family }: LiveGroup) {
      return family === 'here' ? { key: '7', name: 'Anna' } : undefined
    }

    override snapshot({ family }: LiveGroup) {
      return family === 'board' ? { people: ['ann'] } : undefined
    }

    override disconnect() {
      server.consumers.delete(this)
    }

    add = request(z.tuple([z.number(), z.number()]), ([a, b]) => a + b)
    nothing = request(z.undefined(), () => {})
    null = request(z.undefined(), () => null)
    count = request(z.undefined(), () => ++count)
    date = request(z.undefined(), () => new Date(0))
    say = request(z.object({ room: z.string(), text: z.string() }), ({ room, text }) =>
      this.publish(groups.room(room), 'said', { text }),
    )
    wait = request(
      z.undefined(),
      async () => {
        await server.gate('wait').opened
        return 'waited'
      },
      { concurrent: true },
    )
    full = request(z.undefined(), () => {
      throw new RequestError('room_full', 'The room is full.')
    })
    crash = request(z.undefined(), () => {
      throw new Error('secret')
    })
    unreachable = request(z.undefined(), () => {
      throw new TidewayError('ERR_LAYER_UNAVAILABLE', 'secret')
    })
  }
}
