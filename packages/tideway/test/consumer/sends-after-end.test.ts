import { once } from 'node:events'
import { setImmediate as turn } from 'node:timers/promises'
import { HttpConsumer, InMemoryChannelLayer, JsonWebSocketConsumer } from 'tideway'
import { WebSocketCommunicator } from 'tideway/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { eventually, recordingLogger, startServer, type LogLine, type ServerUnderTest } from '../server/serving.ts'
import { gate, type Gate } from './ending.ts'

const layer = new InMemoryChannelLayer()
const instances: { socket?: Clock; request?: Feed } = {}
let handler: Gate

/** Sends from a timer, as a clock or a price feed does, and has a handler that takes its time. */
class Clock extends JsonWebSocketConsumer<{}, {}> {
  ticks = 0
  #timer: NodeJS.Timeout | undefined

  override async connect() {
    instances.socket = this
    await this.accept()
    this.#timer = setInterval(() => {
      this.ticks++
      void this.send({ text: 'tick' })
    }, 1)
  }
  override receiveJson() {
    return handler.opened
  }
  override disconnect() {
    clearInterval(this.#timer)
  }
  raw() {
    return this.sendEvent({ type: 'websocket.send', text: '' })
  }
  async joined() {
    await this.channelLayer.groupAdd('late', this.channelName)
    await this.channelLayer.groupDiscard('late', this.channelName)
  }
}

/** An event stream with a comment now and then, which keeps proxies from closing it. */
class Feed extends HttpConsumer {
  ticks = 0
  #timer: NodeJS.Timeout | undefined

  override async handle() {
    instances.request = this
    if (this.scope.path === '/whole') {
      await this.sendResponse('all of it')
      await handler.opened
      return
    }
    await this.sendHeaders()
    await this.sendBody(':\n', { moreBody: true })
    this.#timer = setInterval(() => {
      this.ticks++
      void this.sendBody(':\n', { moreBody: true })
    }, 1)
    await handler.opened
  }
  override disconnect() {
    clearInterval(this.#timer)
  }
}

const layers = { channelLayers: { default: layer } }
const clock = Clock.asApplication()
const feed = Feed.asApplication()

const closed = { code: 'ERR_CONNECTION_CLOSED' }

describe('a call of a consumer outside its handlers, after the end of its connection', () => {
  let server: ServerUnderTest
  const log: LogLine[] = []

  beforeAll(async () => {
    server = await startServer(
      {
        websocket: (scope, receive, send) => clock({ ...scope, ...layers }, receive, send),
        http: (scope, receive, send) => feed({ ...scope, ...layers }, receive, send),
      },
      { logger: recordingLogger(log) },
    )
  })
  afterAll(() => server.close(1))

  /** A consumer whose client has gone while a handler of it runs, which `disconnect` waits for. */
  async function closing(): Promise<Clock> {
    handler = gate()
    const client = new WebSocket(`ws://127.0.0.1:${server.port}`)
    await once(client, 'open')
    client.send('{}')
    await once(client, 'message')
    const consumer = instances.socket!
    client.close(1000)
    await eventually(() => consumer.signal.aborted).toBe(true)
    return consumer
  }

  async function aborted(): Promise<Feed> {
    handler = gate()
    const gone = new AbortController()
    const response = await fetch(`http://127.0.0.1:${server.port}/`, { signal: gone.signal })
    await response.body!.getReader().read()
    const consumer = instances.request!
    gone.abort()
    await eventually(() => consumer.signal.aborted).toBe(true)
    return consumer
  }

  const ofWebSockets: [name: string, call: (consumer: Clock) => unknown][] = [
    ['send()', (consumer) => consumer.send({ text: '' })],
    ['sendJson()', (consumer) => consumer.sendJson({})],
    ['sendEvent()', (consumer) => consumer.raw()],
    ['accept()', (consumer) => consumer.accept()],
    ['deny()', (consumer) => consumer.deny()],
    ['close()', (consumer) => consumer.close()],
    ['groupAdd() and groupDiscard()', (consumer) => consumer.joined()],
  ]
  const ofHttp: [name: string, call: (consumer: Feed) => unknown][] = [
    ['sendHeaders()', (consumer) => consumer.sendHeaders()],
    ['sendBody()', (consumer) => consumer.sendBody('', { moreBody: true })],
    ['the last sendBody()', (consumer) => consumer.sendBody('')],
    ['sendResponse()', (consumer) => consumer.sendResponse('')],
  ]

  it.each(ofWebSockets)(
    '%s has no effect and does not throw while a handler of a WebSocket still runs',
    async (_, call) => {
      const consumer = await closing()
      const { ticks } = consumer
      await eventually(() => consumer.ticks).toBeGreaterThan(ticks + 1)
      expect(await call(consumer)).toBeUndefined()
      handler.open()
      await eventually(() => server.connectionCount).toBe(0)
      expect(layer.stats()).toMatchObject({ groups: 0, channels: 0 })
      expect(log.filter(({ level }) => level !== 'debug')).toEqual([])
    },
  )

  it.each(ofWebSockets)(
    '%s has no effect and does not throw after a WebSocket has been disconnected',
    async (_, call) => {
      const consumer = await closing()
      handler.open()
      await eventually(() => server.connectionCount).toBe(0)
      expect(await call(consumer)).toBeUndefined()
      expect(layer.stats()).toMatchObject({ groups: 0, channels: 0 })
      expect(log.filter(({ level }) => level !== 'debug')).toEqual([])
    },
  )

  it.each(ofHttp)(
    '%s has no effect and does not throw after the client of a response has disconnected',
    async (_, call) => {
      const consumer = await aborted()
      const { ticks } = consumer
      await eventually(() => consumer.ticks).toBeGreaterThan(ticks + 1)
      expect(await call(consumer)).toBeUndefined()
      handler.open()
      expect(log.filter(({ level }) => level !== 'debug')).toEqual([])
    },
  )

  it.each(ofHttp)('%s has no effect and does not throw after a response is complete', async (_, call) => {
    handler = gate()
    const response = await fetch(`http://127.0.0.1:${server.port}/whole`)
    expect(await response.text()).toBe('all of it')
    expect(await call(instances.request!)).toBeUndefined()
    handler.open()
    expect(log.filter(({ level }) => level !== 'debug')).toEqual([])
  })

  it('is counted in stats()', async () => {
    const before = server.stats()
    const consumer = await closing()
    await consumer.send({ text: '' })
    const feed = await aborted()
    await feed.sendBody('', { moreBody: true })
    handler.open()
    const after = server.stats()
    expect(after.webSockets.sendsAfterEnd).toBeGreaterThan(before.webSockets.sendsAfterEnd)
    expect(after.requests.sendsAfterEnd).toBeGreaterThan(before.requests.sendsAfterEnd)
  })

  it('does not affect other connections', async () => {
    const other = new WebSocket(`ws://127.0.0.1:${server.port}`)
    await once(other, 'open')
    await closing()
    handler.open()
    await once(other, 'message')
    other.close()
    await eventually(() => server.connectionCount).toBe(0)
  })

  it('still throws on the raw send of an application', async () => {
    let send: (() => unknown) | undefined
    const raw = await startServer({
      websocket: async (_scope, receive, rawSend) => {
        await receive()
        await rawSend({ type: 'websocket.accept' })
        await receive()
        send = () => rawSend({ type: 'websocket.send', text: '' })
      },
    })
    const client = new WebSocket(`ws://127.0.0.1:${raw.port}`)
    await once(client, 'open')
    client.close()
    await eventually(() => send).toBeDefined()
    expect(send!).toThrow(expect.objectContaining(closed))
    await raw.close(1)
  })
})

describe('a consumer that sends without awaiting to a client that does not read', () => {
  it('closes with 1013, and its timer continues without an error', async () => {
    const done = gate()
    const ends: number[] = []
    class Flooding extends JsonWebSocketConsumer<{}, {}> {
      override async connect() {
        await this.accept()
        // Past maxBufferedBytes in one turn, outside of any handler.
        setImmediate(() => {
          for (let i = 0; i < 40; i++) void this.send({ text: 'x'.repeat(1_000_000) })
          done.open()
        })
      }
      override receiveJson() {}
      override disconnect(code: number) {
        ends.push(code)
      }
    }
    const server = await startServer(
      { websocket: Flooding.asApplication() },
      { maxBufferedBytes: 2_000_000, highWaterMarkBytes: 1, closeTimeoutMs: 20 },
    )
    const client = new WebSocket(`ws://127.0.0.1:${server.port}`)
    client.on('error', () => {})
    await once(client, 'open')
    client.pause()
    await done.opened
    await eventually(() => ends).toEqual([1013])
    expect(server.log.map(({ level }) => level)).toEqual(['warn'])
    client.terminate()
    await server.close(1)
  })
})

describe('a handler that sends in a loop and never reads this.signal', () => {
  it('is abandoned after disconnectTimeoutMs, with an error that names it, and does not block the event loop', async () => {
    class Loop extends JsonWebSocketConsumer<{}, {}> {
      static override disconnectTimeoutMs = 20
      override async receiveJson() {
        for (;;) await this.send({ text: '' })
      }
    }
    const socket = new WebSocketCommunicator(Loop.asApplication(), '/')
    await socket.connect()
    socket.sendTo('{}')
    await socket.receiveFrom()
    await expect(socket.disconnect()).rejects.toMatchObject({
      code: 'ERR_APPLICATION_TIMEOUT',
      message: expect.stringContaining('A handler of Loop was still running') as string,
    })
    // Timers and input still have their turn.
    await turn()
  })
})
