import { once } from 'node:events'
import {
  HttpConsumer,
  InMemoryChannelLayer,
  JsonWebSocketConsumer,
  lifespanHooks,
  path,
  rateLimit,
  urlRouter,
  WebSocketConsumer,
} from 'tideway'
import type { Application, Instrumentation, Logger, WebSocketScope } from 'tideway/asgi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { echo } from '../server/applications.ts'
import { eventually, recordingLogger, startServer, type LogLine, type ServerUnderTest } from '../server/serving.ts'

/** A value whose every use throws, also `instanceof` and a look at its `message`. */
function hostile(): object {
  const fail = (): never => {
    throw new RangeError('a trap of the proxy')
  }
  const traps = ['get', 'getPrototypeOf', 'has', 'ownKeys', 'getOwnPropertyDescriptor', 'set', 'isExtensible'] as const
  return new Proxy({}, Object.fromEntries(traps.map((trap) => [trap, fail])))
}

/** An error whose message cannot be read. */
function unreadable(): Error {
  return Object.defineProperty(new Error('unreadable'), 'message', {
    get() {
      throw new RangeError('a getter of the error')
    },
  })
}

/** What code of an application may do in the place of what it should do. */
const misdeeds: Readonly<Record<string, () => unknown>> = {
  'throws an error': () => {
    throw new Error('thrown')
  },
  'throws nothing at all': () => {
    throw undefined
  },
  'throws a hostile proxy': () => {
    throw hostile()
  },
  'throws an unreadable error': () => {
    throw unreadable()
  },
  rejects: () => Promise.reject(new Error('rejected')),
  'rejects later with a hostile proxy': async () => {
    await Promise.resolve()
    throw hostile()
  },
  'returns a thenable that throws': () => ({
    // oxlint-disable-next-line unicorn/no-thenable -- it is what is tested
    then() {
      throw new Error('of then')
    },
  }),
  'returns a hostile proxy': hostile,
  'never settles': () => new Promise(() => {}),
}

/** What the code of the test does now, wherever it is called. */
const now = { place: '', misbehave: (): unknown => undefined }

function at(place: string): never {
  return (now.place === place ? now.misbehave() : undefined) as never
}

class Socket extends WebSocketConsumer<{}, {}> {
  static override disconnectTimeoutMs = 20
  constructor() {
    super()
    at('constructor')
  }
  override readonly groups: readonly string[] = at('groups') ?? ['room']
  override connect() {
    return at('connect') ?? this.accept()
  }
  override receive(): void {
    return at('receive')
  }
  override disconnect(): void {
    return at('disconnect')
  }
  onPlain(): void {
    return at('handler')
  }
  onTimer() {
    setImmediate(() => void this.send({ text: '' }))
    return at('handler')
  }
  static onShared() {
    return at('static handler') ?? { text: 'shared' }
  }
}

class Json extends JsonWebSocketConsumer<{}, {}> {
  static override disconnectTimeoutMs = 20
  override receiveJson() {
    return at('receiveJson') ?? this.sendJson({})
  }
  override receiveInvalid() {
    return at('receiveInvalid') ?? this.close()
  }
  override encodeJson() {
    return at('encodeJson') ?? '{}'
  }
  override decodeJson(text: string) {
    return at('decodeJson') ?? JSON.parse(text)
  }
}

class Follower extends WebSocketConsumer<{}, {}> {
  static override disconnectTimeoutMs = 20
  override async connect() {
    await this.accept()
    await this.follow('kept')
    await this.send({ text: 'follows' })
  }
  onEvent(): void {
    return at('event handler')
  }
  static onSharedEvent() {
    return at('static event handler') ?? { text: 'shared' }
  }
  onReset(): void {}
}

/** The consumers of requests that are not disconnected yet. */
const requests = new Set<Request>()

class Request extends HttpConsumer {
  static override disconnectTimeoutMs = 20
  constructor() {
    super()
    requests.add(this)
  }
  override handle() {
    return at('handle') ?? this.sendResponse('')
  }
  override disconnect(): void {
    requests.delete(this)
    return at('http disconnect')
  }
}

const layer = new InMemoryChannelLayer()
const limiter = { consume: () => at('limiter') ?? Promise.resolve() }
const limited = { connects: limiter, key: (): string => at('key') ?? 'all' }
const raw: Application<WebSocketScope> = (scope, receive, send) => at('application') ?? echo(scope, receive, send)

const websocket = urlRouter([
  path('socket/', Socket.asApplication()),
  path('json/', Json.asApplication()),
  path('followed/', Follower.asApplication()),
  path('limited/', rateLimit(Socket.asApplication(), limited)),
  path('raw/', raw),
  path('echo/', echo),
])
const http = Request.asApplication()

const instrumentation: Instrumentation = {
  request: () =>
    at('instrumentation.request') ?? {
      run: (serve) => at('request.run') ?? serve(),
      failed: () => at('request.failed'),
      ended: () => at('request.ended'),
    },
  connection: (scope) =>
    scope.path === '/echo/'
      ? undefined
      : (at('instrumentation.connection') ?? {
          run: (serve) => at('connection.run') ?? serve(),
          accepted: () => at('connection.accepted'),
          refused: () => at('connection.refused'),
          failed: () => at('connection.failed'),
          ended: () => at('connection.ended'),
          handler: (_call, run) => at('instrumentation.handler') ?? run(),
        }),
}

const places: readonly (readonly [provoke: string, places: readonly string[]])[] = [
  ['a WebSocket', ['constructor', 'groups', 'connect', 'receive', 'disconnect', 'handler', 'static handler']],
  ['a follower', ['event handler', 'static event handler']],
  ['a JSON WebSocket', ['receiveJson', 'receiveInvalid', 'encodeJson', 'decodeJson']],
  [
    'a request',
    ['handle', 'http disconnect', 'request.run', 'request.ended', 'request.failed', 'instrumentation.request'],
  ],
  ['a limited WebSocket', ['limiter', 'key']],
  ['a raw application', ['application']],
  [
    'a WebSocket',
    [
      'instrumentation.connection',
      'connection.run',
      'connection.accepted',
      'connection.refused',
      'connection.failed',
      'connection.ended',
      'instrumentation.handler',
      'accessLog',
      'logger',
    ],
  ],
]

/** Where what is returned is no promise: what the code of the test would leave behind there is its own. */
const synchronous = new Set(['constructor', 'groups', 'encodeJson', 'decodeJson', 'key'])

/** What the connection ends with, and so is reported exactly once. */
const reported = new Set(
  (
    'constructor,groups,connect,receive,disconnect,handler,static handler,application,key,' +
    'event handler,static event handler,' +
    'receiveJson,receiveInvalid,encodeJson,handle,http disconnect'
  ).split(','),
)

const cases = places.flatMap(([provoke, names]) =>
  names.flatMap((place) =>
    Object.keys(misdeeds)
      .filter((misdeed) => misdeed.startsWith('throws') || !synchronous.has(place))
      .map((misdeed) => [place, misdeed, provoke] as const),
  ),
)

describe('a server whose application misbehaves', () => {
  let server: ServerUnderTest
  let neighbour: WebSocket
  const log: LogLine[] = []
  const uncaught: unknown[] = []
  const note = (error: unknown): void => void uncaught.push(error)
  const before = { uncaughtException: [] as Function[], unhandledRejection: [] as Function[] }

  beforeAll(async () => {
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      before[event] = process.rawListeners(event)
      process.removeAllListeners(event)
      process.on(event as 'uncaughtException', note)
    }
    const kept = recordingLogger(log)
    const failing = (level: keyof Logger) => (details: object, message: string) => {
      kept[level](details, message)
      return at('logger')
    }
    server = await startServer(
      {
        websocket: (scope, receive, send) =>
          websocket(Object.assign(scope, { channelLayers: { default: layer } }), receive, send),
        http,
        lifespan: lifespanHooks({ shutdown: () => at('shutdown') }),
      },
      {
        instrumentation,
        lifespan: true,
        lifespanTimeoutMs: 50,
        connectTimeoutMs: 100,
        httpTimeoutMs: 100,
        applicationCloseTimeoutMs: 40,
        closeTimeoutMs: 20,
        accessLog: () => at('accessLog'),
        logger: { debug: failing('debug'), info: failing('info'), warn: failing('warn'), error: failing('error') },
      },
    )
    neighbour = new WebSocket(`ws://127.0.0.1:${server.port}/echo/`)
    await once(neighbour, 'open')
  })

  afterAll(async () => {
    await server.close(1)
    for (const event of ['uncaughtException', 'unhandledRejection'] as const) {
      process.removeAllListeners(event)
      for (const listener of before[event]) process.on(event, listener as never)
    }
  })

  /** Does what calls every hook of the application in some order, and waits for its end. */
  async function provoke(what: string): Promise<void> {
    if (what === 'a request') {
      await fetch(`http://127.0.0.1:${server.port}/`).then(
        (response) => response.text(),
        () => '',
      )
      return
    }
    const paths = {
      'a WebSocket': 'socket',
      'a follower': 'followed',
      'a JSON WebSocket': 'json',
      'a limited WebSocket': 'limited',
    }
    const client = new WebSocket(`ws://127.0.0.1:${server.port}/${paths[what as keyof typeof paths] ?? 'raw'}/`)
    client.on('error', () => {})
    const closed = new Promise<void>((resolve) => client.once('close', () => resolve()))
    if (what === 'a follower') client.once('message', () => void publishAndClose(client))
    else
      client.once('open', () => {
        client.send('{}')
        client.send('no JSON')
        client.send(new Uint8Array(1))
        void layer.groupSend('room', { type: 'plain' }).catch(note)
        void layer.groupSend('room', { type: 'timer' }).catch(note)
        void layer.groupSend('room', { type: 'shared' }).catch(note)
        client.close(1000)
      })
    await closed
  }

  async function publishAndClose(client: WebSocket): Promise<void> {
    for (const e of ['event', 'shared.event']) await layer.keptGroups.publish('kept', JSON.stringify({ e, d: {} }))
    client.close(1000)
  }

  async function echoed(text: string): Promise<void> {
    const message = once(neighbour, 'message')
    neighbour.send(text)
    expect(String((await message)[0])).toBe(text)
  }

  it.each(cases)('continues to serve other connections when %s %s', async (place, misdeed, what) => {
    log.length = uncaught.length = 0
    now.place = place
    now.misbehave = misdeeds[misdeed]!
    await provoke(what)
    await echoed(place)
    // The end of a request comes after its response.
    await eventually(() => requests.size).toBe(0)
    // The neighbour is the only connection that is left.
    await eventually(() => server.connectionCount).toBe(1)
    now.place = ''
    await provoke(what)
    await eventually(() => requests.size).toBe(0)
    await echoed('again')
    expect(uncaught).toEqual([])
    const errorsOf = (): LogLine[] => log.filter(({ level }) => level === 'error')
    // A hook that is called for each message may fail at each.
    expect(errorsOf().length).toBeLessThanOrEqual(4)
    const message = { 'throws an error': 'thrown', rejects: 'rejected' }[misdeed]
    if (message === undefined || !reported.has(place)) return
    // Its stack names the line.
    await eventually(() => errorsOf().map(({ details }) => (details.err as Error).message)).toEqual([message])
  })

  it('closes when the shutdown of its application fails', async () => {
    uncaught.length = 0
    now.place = 'shutdown'
    now.misbehave = misdeeds['rejects later with a hostile proxy']!
    neighbour.terminate()
    await server.close(1)
    expect(uncaught).toEqual([])
  })
})
