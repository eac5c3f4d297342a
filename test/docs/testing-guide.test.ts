import {
  defineApplication,
  HttpConsumer,
  InMemoryChannelLayer,
  JsonWebSocketConsumer,
  originValidator,
  WebSocketConsumer,
  type TextOrBytes,
  type User,
} from 'tideway'
import { anonymousUser, asgiVersions, type ChannelScope } from 'tideway/asgi'
import { defineGroup } from 'tideway/live'
import {
  ApplicationCommunicator,
  expectContiguous,
  HttpCommunicator,
  liveServer,
  WebSocketCommunicator,
  withFaults,
  type FaultServer,
  type Received,
} from 'tideway/testing'
import * as v from 'valibot'
import { expect, it, onTestFinished, vi } from 'vitest'
import { WebSocket } from 'ws'
import application from '../../examples/tutorial/3-tests/application.ts'

// docs/guides/testing.md is cut from here: each test is one of its sections.

class EchoConsumer extends WebSocketConsumer {
  override receive(message: TextOrBytes) {
    return this.send(message)
  }
}

it('talks to an application as a client does', async () => {
  const socket = new WebSocketCommunicator(EchoConsumer.asApplication(), '/ws/echo/')
  expect(await socket.connect()).toMatchObject({ accepted: true })
  socket.sendTo('hello')
  expect(await socket.receiveFrom()).toBe('hello')
  socket.sendTo(new Uint8Array([1, 2, 3]))
  expect(await socket.receiveFrom()).toEqual(new Uint8Array([1, 2, 3]))
  await socket.disconnect()
})

it('reads the answer to a handshake', async () => {
  class MembersConsumer extends WebSocketConsumer {
    override async connect() {
      if (this.scope.user.isAuthenticated) await this.accept({ subprotocol: 'v2' })
      else await this.deny({ status: 401, body: 'Log in first.' })
    }
  }
  const member: User = { id: 1, username: 'anna', isAuthenticated: true }

  const guest = new WebSocketCommunicator(MembersConsumer.asApplication(), '/')
  expect(await guest.connect()).toMatchObject({ accepted: false, status: 401, text: 'Log in first.' })

  const anna = new WebSocketCommunicator(MembersConsumer.asApplication(), '/', {
    subprotocols: ['v1', 'v2'],
    scope: { user: member },
  })
  expect(await anna.connect()).toMatchObject({ accepted: true, subprotocol: 'v2' })
  await anna.disconnect()
})

it('sees how a connection is closed', async () => {
  class PickyConsumer extends JsonWebSocketConsumer {
    override async receiveJson() {
      await this.close(4000, 'I have heard enough.')
    }
  }
  const socket = new WebSocketCommunicator(PickyConsumer.asApplication(), '/')
  await socket.connect()
  socket.sendJsonTo({ any: 'thing' })
  expect(await socket.receiveClose()).toEqual({ code: 4000, reason: 'I have heard enough.' })
})

it('shares a channel layer', async () => {
  class NewsConsumer extends WebSocketConsumer {
    override readonly groups = ['news']
    onNews({ text }: { text: string }) {
      return this.send({ text })
    }
  }
  const layer = new InMemoryChannelLayer()
  const socket = new WebSocketCommunicator(NewsConsumer.asApplication(), '/', {
    scope: { channelLayers: { default: layer } },
  })
  await socket.connect()
  await layer.groupSend('news', { type: 'news', text: 'It works.' })
  expect(await socket.receiveFrom()).toBe('It works.')
  await socket.disconnect()
  expect(layer.stats().groups).toBe(0)
})

it('rethrows an error of the application', async () => {
  class BrokenConsumer extends WebSocketConsumer {
    override receive(): never {
      throw new TypeError('I forgot something.')
    }
  }
  const socket = new WebSocketCommunicator(BrokenConsumer.asApplication(), '/')
  await socket.connect()
  socket.sendTo('hello')
  await expect(socket.receiveFrom()).rejects.toThrow('threw: TypeError: I forgot something.')
})

class EventsConsumer extends HttpConsumer {
  override async handle() {
    await this.sendHeaders({ headers: { 'Content-Type': 'text/event-stream' } })
    await this.sendBody('data: one\n\n', { moreBody: true })
    await this.sendBody('data: two\n\n', { moreBody: true })
    await new Promise<void>((resolve) => this.signal.addEventListener('abort', () => resolve()))
  }
}

class LengthConsumer extends HttpConsumer {
  override handle(body: Uint8Array) {
    return this.sendResponse(String(body.byteLength))
  }
}

it('sends a request', async () => {
  const request = new HttpCommunicator(LengthConsumer.asApplication(), 'POST', '/length/?unit=byte', {
    headers: { 'Content-Type': 'text/plain' },
    body: 'twelve bytes',
  })
  const response = await request.getResponse()
  expect(response).toMatchObject({ status: 200, text: '12' })
})

it('reads a response that never ends', async () => {
  const request = new HttpCommunicator(EventsConsumer.asApplication(), 'GET', '/events/')
  const { headers } = await request.receiveHead()
  expect(headers.get('content-type')).toBe('text/event-stream')
  expect(String((await request.receiveBody()).body)).toBe('data: one\n\n')
  expect(String((await request.receiveBody()).body)).toBe('data: two\n\n')
  await request.disconnect()
})

it('sends a body in pieces', async () => {
  const upload = new HttpCommunicator(LengthConsumer.asApplication(), 'POST', '/', { chunked: true })
  upload.sendBody('first, ', { moreBody: true })
  upload.sendBody('last')
  expect((await upload.getResponse()).text).toBe('11')
})

it('gives an application its events as they are', async () => {
  const scope: ChannelScope = { asgi: asgiVersions, type: 'channel', channel: 'jobs' }
  const done: unknown[] = []
  const communicator = new ApplicationCommunicator<ChannelScope>(async (_scope, receive) => {
    done.push((await receive()).type)
  }, scope)
  communicator.sendInput({ type: 'job' })
  await communicator.wait()
  expect(done).toEqual(['job'])
})

it('starts a real server', async () => {
  const server = await liveServer(application)
  try {
    const client = new WebSocket(`${server.webSocketUrl}/ws/chat/lobby/`, { origin: server.url })
    client.on('open', () => client.send('{"message":"hello"}'))
    const heard = await new Promise((resolve) => client.on('message', resolve))
    expect(String(heard)).toBe('{"message":"hello","user":""}')
  } finally {
    await server.close()
  }
})

it('has an anonymous user unless another one is given', () => {
  expect(new WebSocketCommunicator(EchoConsumer.asApplication(), '/').scope.user).toBe(anonymousUser)
})

it('advances virtual time', async () => {
  class IdleConsumer extends WebSocketConsumer {
    override readonly groups = ['news']
    readonly #timer = setTimeout(() => void this.close(4408, 'idle'), 60_000)

    override receive() {
      this.#timer.refresh()
    }

    onNews() {
      return this.send({ text: 'It works.' })
    }

    override disconnect() {
      clearTimeout(this.#timer)
    }
  }
  onTestFinished(() => void vi.useRealTimers())
  const layer = new InMemoryChannelLayer()

  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'performance'] })
  const socket = new WebSocketCommunicator(IdleConsumer.asApplication(), '/', {
    scope: { channelLayers: { default: layer } },
  })
  await socket.connect()
  await vi.advanceTimersByTimeAsync(59_999)
  await layer.groupSend('news', { type: 'news' })
  expect(await socket.receiveFrom()).toBe('It works.')
  await vi.advanceTimersByTimeAsync(1)
  expect(await socket.receiveClose()).toEqual({ code: 4408, reason: 'idle' })
  await socket.disconnect()
})

const ticks = defineGroup('ticks', { events: { tick: v.object({ n: v.number() }) } })

class TickConsumer extends WebSocketConsumer<{}, {}> {
  override async connect() {
    await this.accept()
    const since = new URLSearchParams(this.scope.queryString).get('since') ?? undefined
    const { recovered, position } = await this.follow(ticks('all').name, { ...(since !== undefined && { since }) })
    if (!recovered) await this.send({ text: JSON.stringify({ reset: 'join', position }) })
  }

  onTick(event: { readonly n: number }, { position }: { readonly position: string }) {
    return this.send({ text: JSON.stringify({ position, event }) })
  }

  onReset(_group: string, why: string) {
    return this.send({ text: JSON.stringify({ reset: why }) })
  }
}

/** Records what a client receives, and reconnects with its last position until the test has finished. */
function record(url: string): Received[] {
  const received: Received[] = []
  let isOver = false
  let socket: WebSocket
  const connect = (): void => {
    const position = received.at(-1)?.position
    socket = new WebSocket(typeof position === 'string' ? `${url}?since=${position}` : url)
    socket.on('message', (text: Buffer) => received.push(JSON.parse(text.toString()) as Received))
    socket.on('error', () => {})
    socket.on('close', () => void (isOver || setTimeout(connect, 20)))
  }
  connect()
  onTestFinished(() => {
    isOver = true
    socket.terminate()
  })
  return received
}

it('runs a client through faults', { timeout: 60_000 }, async () => {
  const layer = new InMemoryChannelLayer()
  const application = defineApplication({
    channelLayers: { default: layer },
    websocket: originValidator(TickConsumer.asApplication(), ['*']),
  })
  await using server = await liveServer(application)

  await withFaults({ server: server.port }, async (faults) => {
    const events = record(`${faults.webSocketUrl}/ticks/`)
    await vi.waitFor(() => expect(events).toHaveLength(1), 30_000)
    let n = 0
    const publishing = setInterval(() => void ticks('all').publish(layer, 'tick', { n: ++n }), 20)
    await faults.run()
    clearInterval(publishing)
    await vi.waitFor(() => expect(events.at(-1)).toMatchObject({ event: { n } }), 30_000)
    expect(expectContiguous(events)).toEqual({ events: n, resets: 1 })
  })
})

it('describes a server that can be killed', () => {
  const server: FaultServer = {
    command: ({ port }) => ['npx', 'tideway', 'serve', 'dist/application.js', '--port', `${port}`],
  }
  expect(server.command({ port: 8001, redisUrl: undefined })).toContain('8001')
})
