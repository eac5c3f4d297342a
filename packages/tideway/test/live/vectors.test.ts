import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { call, Stream } from './http-client.ts'
import { VectorServer } from './vector-server.ts'
import { Matcher, vectors, type Step, type Vector } from './vectors.ts'

/** A connection of a client. */
interface Connection {
  send(data: string | Buffer): Promise<void> | void
  next(): Promise<unknown>
  close(): Promise<void>
}

/** A WebSocket that keeps what it receives. */
class Socket implements Connection {
  readonly #socket: WebSocket
  readonly #received: unknown[] = []
  #wake: (() => void) | undefined

  constructor(port: number, subprotocols: readonly string[]) {
    this.#socket = new WebSocket(`ws://127.0.0.1:${port}/`, [...subprotocols])
    onTestFinished(() => this.#socket.terminate())
    const add = (item: unknown): void => {
      this.#received.push(item)
      this.#wake?.()
    }
    this.#socket.on('message', (data: Buffer) => add(JSON.parse(data.toString())))
    this.#socket.on('close', (code, reason) => add({ close: code, reason: reason.toString() }))
    this.#socket.on('unexpected-response', (_request, response) => add({ refused: response.statusCode }))
    this.#socket.on('error', (error) => add({ error: error.message }))
  }

  async send(data: string | Buffer): Promise<void> {
    if (this.#socket.readyState === WebSocket.CONNECTING) {
      await new Promise((resolve) => this.#socket.once('open', resolve))
    }
    this.#socket.send(data)
  }

  async next(): Promise<unknown> {
    while (this.#received.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#received.shift()
  }

  async close(): Promise<void> {
    this.#socket.close()
    await new Promise((resolve) => this.#socket.once('close', resolve))
  }
}

/** A stream over HTTP, and a body for each request. */
class OverHttp implements Connection {
  readonly #url: string
  readonly #received: unknown[] = []
  #stream: Promise<Stream> | undefined
  #wake: (() => void) | undefined

  constructor(port: number) {
    this.#url = `http://127.0.0.1:${port}/`
  }

  send(data: string): void {
    const { groups, ...frame } = JSON.parse(data) as { readonly t: string; readonly groups: object }
    if (frame.t === 'hello') {
      this.#stream = Stream.open(this.#url, groups)
      void this.#stream.then((stream) => this.#read(stream))
    } else void this.#request(frame)
  }

  async next(): Promise<unknown> {
    while (this.#received.length === 0) await new Promise<void>((resolve) => (this.#wake = resolve))
    return this.#received.shift()
  }

  async close(): Promise<void> {
    ;(await this.#stream)?.end()
  }

  async #read(stream: Stream): Promise<void> {
    for (;;) {
      const frame = await stream.next().catch(() => undefined)
      if (frame === undefined) return
      this.#add(frame)
    }
  }

  async #request(frame: object): Promise<void> {
    const { body } = await call(this.#url, frame)
    for (const answer of body as unknown[]) this.#add(answer)
  }

  #add(frame: unknown): void {
    this.#received.push(frame)
    this.#wake?.()
  }
}

/** Whether a client over HTTP can take the steps: it has no other frames, and the answers to a body come together. */
function isForHttp({ name, steps, subprotocols, bounds }: Vector): boolean {
  // Requests over HTTP have no joins, and their unanswered ones are bounded by the body.
  if (subprotocols !== undefined || bounds?.requests !== undefined || name.endsWith('with forbidden')) return false
  return steps.every((step) => {
    if ('close' in step || 'clientText' in step || 'clientBytes' in step) return false
    return !('client' in step) || /^(hello|request)$/.test((step.client as { readonly t: string }).t)
  })
}

/** Runs the steps of a vector against a server. */
class Runner {
  readonly #server = new VectorServer()
  readonly #matcher = new Matcher()
  readonly #vector: Vector
  readonly #isHttp: boolean
  #port = 0
  #connection: Connection | undefined

  constructor(vector: Vector, isHttp: boolean) {
    this.#vector = vector
    this.#isHttp = isHttp
    onTestFinished(() => this.#server.end())
  }

  /** Rejects at the first step that differs. */
  async run(): Promise<void> {
    this.#port = await this.#server.start(this.#vector.bounds)
    for (const step of this.#vector.steps) await this.#step(step)
  }

  async #step(step: Step): Promise<void> {
    const server = this.#server
    if ('client' in step) await this.#open.send(JSON.stringify(this.#matcher.filled(step.client)))
    else if ('clientText' in step) await this.#open.send(step.clientText)
    else if ('clientBytes' in step) await this.#open.send(Buffer.from(step.clientBytes, 'hex'))
    else if ('server' in step) await this.#expect(Array.isArray(step.server) ? step.server : [step.server])
    else if ('publish' in step) {
      const { g, ...event } = step.publish
      for (let i = 0; i < (step.times ?? 1); i++) await server.publish(g, event, event.e === 'typing')
    } else if ('set' in step) await server.set(step.set)
    else if ('delete' in step) await server.delete(step.delete)
    else if ('append' in step) await server.append(step.append.g, step.append.body)
    else if ('remove' in step) server.remove(step.remove)
    else if ('release' in step) server.gate(step.release).open()
    else if ('flush' in step) await server.layer.flush()
    else if ('drain' in step) void server.close()
    else if ('close' in step) await this.#expect([{ close: step.close.code, reason: step.close.reason }])
    else if ('refused' in step) await this.#expect([step])
    else {
      await this.#open.close()
      this.#connection = undefined
    }
  }

  get #open(): Connection {
    this.#connection ??= this.#isHttp
      ? new OverHttp(this.#port)
      : new Socket(this.#port, this.#vector.subprotocols ?? ['tideway.v1.json'])
    return this.#connection
  }

  /** The next frames are these, in any order. */
  async #expect(frames: readonly unknown[]): Promise<void> {
    const left = [...frames]
    while (left.length > 0) {
      const frame = await this.#open.next()
      const index = left.findIndex((expected) => this.#matcher.matches(expected, frame))
      if (index === -1) throw new Error(`received ${JSON.stringify(frame)} instead of ${JSON.stringify(left)}`)
      left.splice(index, 1)
    }
  }
}

describe('the live protocol of the server', () => {
  const forServer = vectors.filter((vector) => vector.for !== 'client')
  it.each(forServer.map((vector) => [vector.name, vector] as const))(
    'follows the vector "%s"',
    async (_name, vector) => {
      await expect(new Runner(vector, false).run()).resolves.toBeUndefined()
    },
  )

  it.each(forServer.filter(isForHttp).map((vector) => [vector.name, vector] as const))(
    'follows the vector "%s" over HTTP',
    async (_name, vector) => {
      await expect(new Runner(vector, true).run()).resolves.toBeUndefined()
    },
  )
})
