import {
  HttpConsumer,
  InMemoryChannelLayer,
  JsonWebSocketConsumer,
  StopConsumer,
  WebSocketConsumer,
  type Handlers,
  type TextOrBytes,
} from 'tideway'
import type { Logger } from 'tideway/asgi'
import { HttpCommunicator, WebSocketCommunicator } from 'tideway/testing'
import { expect, it, onTestFinished, vi } from 'vitest'

// docs/guides/consumers.md is cut from here: each test is one of its sections.

const quiet: Logger = { debug() {}, info() {}, warn() {}, error() {} }

it('answers handshakes', async () => {
  class MembersConsumer extends WebSocketConsumer<{ roomName: string }> {
    override async connect() {
      if (!this.scope.user.isAuthenticated) return this.deny({ status: 401, body: 'Log in first.' })
      if (!this.scope.subprotocols.includes('chat.v2')) return this.close()
      await this.accept({ subprotocol: 'chat.v2', headers: { 'X-Served-By': 'a' } })
    }
  }
  const application = MembersConsumer.asApplication()
  const urlRoute = { args: [], kwargs: { roomName: 'lobby' } }
  const anna = { id: 1, username: 'anna', isAuthenticated: true as const }

  const guest = new WebSocketCommunicator(application, '/', { scope: { urlRoute } })
  expect(await guest.connect()).toMatchObject({ accepted: false, status: 401, text: 'Log in first.' })
  const old = new WebSocketCommunicator(application, '/', { scope: { urlRoute, user: anna } })
  expect(await old.connect()).toMatchObject({ accepted: false, status: 403 })
  const options = { subprotocols: ['chat.v2'], scope: { urlRoute, user: anna } }
  const member = new WebSocketCommunicator(application, '/', options)
  const answer = await member.connect()
  expect(answer).toMatchObject({ accepted: true, subprotocol: 'chat.v2' })
  await member.disconnect()
})

it('receives text and bytes, and checks them', async () => {
  class UploadConsumer extends WebSocketConsumer {
    override async receive({ text, bytes }: TextOrBytes) {
      if (bytes !== undefined) return this.send({ text: `${bytes.byteLength} bytes` })
      if (text === 'bye') return this.close(4000, 'You said so.')
      await this.send({ text: `You said ${text}` })
    }
  }
  const socket = new WebSocketCommunicator(UploadConsumer.asApplication(), '/')
  await socket.connect()
  socket.sendTo(new Uint8Array(3))
  expect(await socket.receiveFrom()).toBe('3 bytes')
  socket.sendTo('')
  expect(await socket.receiveFrom()).toBe('You said ')
  socket.sendTo('bye')
  expect(await socket.receiveClose()).toEqual({ code: 4000, reason: 'You said so.' })
  await socket.wait()
})

it('speaks JSON', async () => {
  class EchoConsumer extends JsonWebSocketConsumer {
    override async receiveJson(content: unknown) {
      if (!isMessage(content)) return this.close(4400, 'I take { "message": "…" }.')
      await this.sendJson({ heard: content.message })
    }
  }

  function isMessage(content: unknown): content is { message: string } {
    return typeof (content as { message?: unknown } | null)?.message === 'string'
  }

  const connected = async (): Promise<WebSocketCommunicator> => {
    const socket = new WebSocketCommunicator(EchoConsumer.asApplication(), '/')
    await socket.connect()
    return socket
  }
  const socket = await connected()
  socket.sendJsonTo({ message: 'hello' })
  expect(await socket.receiveJsonFrom()).toEqual({ heard: 'hello' })
  socket.sendJsonTo(null)
  expect(await socket.receiveClose()).toMatchObject({ code: 4400 })
  const noJson = await connected()
  noJson.sendTo('{')
  expect(await noJson.receiveClose()).toMatchObject({ code: 1007 })
  const bytes = await connected()
  bytes.sendTo(new Uint8Array([1]))
  expect(await bytes.receiveClose()).toMatchObject({ code: 1003 })
  await Promise.all([socket.wait(), noJson.wait(), bytes.wait()])
})

it('handles messages by their type, and no others', async () => {
  type Events = { 'room.closed': { why: string }; 'member-joined': { name: string } }

  class RoomConsumer extends WebSocketConsumer implements Handlers<Events> {
    override readonly groups = ['lobby']

    onMemberJoined({ name }: Events['member-joined']) {
      return this.send({ text: `${name} is here` })
    }

    async onRoomClosed({ why }: Events['room.closed']) {
      await this.close(4001, why)
    }
  }

  const layer = new InMemoryChannelLayer()
  const warn = vi.fn<Logger['warn']>()
  const scope = { channelLayers: { default: layer }, logger: { ...quiet, warn } }
  const socket = new WebSocketCommunicator(RoomConsumer.asApplication(), '/', { scope })
  await socket.connect()
  await layer.groupSend('lobby', { type: 'close' })
  await layer.groupSend('lobby', { type: 'member-joined', name: 'anna' })
  expect(await socket.receiveFrom()).toBe('anna is here')
  expect(layer.stats().dropped.unhandled).toBe(1)
  expect(warn).toHaveBeenCalled()
  await layer.groupSend('lobby', { type: 'room.closed', why: 'It is late.' })
  expect(await socket.receiveClose()).toEqual({ code: 4001, reason: 'It is late.' })
  await socket.wait()
  expect(layer.stats().groups).toBe(0)
})

it('ends exactly once, with its code and reason', async () => {
  const ends: string[] = []

  class EndConsumer extends WebSocketConsumer {
    override receive({ text }: TextOrBytes) {
      if (text === 'stop') throw new StopConsumer()
      throw new Error('I forgot something.')
    }

    override disconnect(code: number, reason: string) {
      ends.push(`${code} ${reason}`.trim())
    }
  }

  for (const message of ['stop', 'throw']) {
    const socket = new WebSocketCommunicator(EndConsumer.asApplication(), '/', { scope: { logger: quiet } })
    await socket.connect()
    socket.sendTo(message)
    expect((await socket.receiveClose()).code).toBe(message === 'stop' ? 1000 : 1011)
    await socket.wait().catch(() => {})
  }
  const socket = new WebSocketCommunicator(EndConsumer.asApplication(), '/')
  await socket.connect()
  await socket.disconnect(1001, 'The page was left.')
  expect(ends).toEqual(['1000', '1011', '1001 The page was left.'])
})

it('aborts what a handler waits for', async () => {
  class SearchConsumer extends WebSocketConsumer {
    override async receive({ text }: TextOrBytes) {
      const found = await search(text ?? '', { signal: this.signal })
      await this.send({ text: found })
    }
  }

  let hasStopped = false
  const search = (_words: string, { signal }: { signal: AbortSignal }): Promise<string> =>
    new Promise((_resolve, reject) => {
      signal.addEventListener('abort', () => {
        hasStopped = true
        reject(signal.reason as Error)
      })
    })
  const socket = new WebSocketCommunicator(SearchConsumer.asApplication(), '/')
  await socket.connect()
  socket.sendTo('everything')
  await socket.disconnect()
  expect(hasStopped).toBe(true)
})

it('streams events over HTTP', async () => {
  class NewsConsumer extends HttpConsumer {
    override async handle() {
      await this.channelLayer.groupAdd('news', this.channelName)
      await this.sendHeaders({ headers: { 'Content-Type': 'text/event-stream', 'Cache-Control': 'no-cache' } })
      await this.sendBody(': connected\n\n', { moreBody: true })
    }

    onNews({ text }: { text: string }) {
      return this.sendBody(`data: ${text}\n\n`, { moreBody: true })
    }
  }

  const layer = new InMemoryChannelLayer()
  const scope = { urlRoute: { args: [], kwargs: {} }, channelLayers: { default: layer } }
  const request = new HttpCommunicator(NewsConsumer.asApplication(), 'GET', '/news/', { scope })
  expect(await request.receiveHead()).toMatchObject({ status: 200 })
  expect(String((await request.receiveBody()).body)).toBe(': connected\n\n')
  await layer.groupSend('news', { type: 'news', text: 'It works.' })
  expect(String((await request.receiveBody()).body)).toBe('data: It works.\n\n')
  await request.disconnect()
  expect(layer.stats().groups).toBe(0)
})

it('stops a timer when the connection has ended', async () => {
  class ClockConsumer extends WebSocketConsumer {
    override async connect() {
      await this.accept()
      const timer = setInterval(() => {
        if (this.signal.aborted) clearInterval(timer)
        else void this.send({ text: new Date().toISOString() })
      }, 1000)
    }
  }

  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval'] })
  onTestFinished(() => void vi.useRealTimers())
  const socket = new WebSocketCommunicator(ClockConsumer.asApplication(), '/')
  await socket.connect()
  vi.advanceTimersByTime(1000)
  expect(await socket.receiveFrom()).toMatch(/Z$/)
  await socket.disconnect()
  expect(vi.getTimerCount()).toBe(1)
  vi.advanceTimersByTime(1000)
  expect(vi.getTimerCount()).toBe(0)
})

it('answers a long poll when a message arrives', async () => {
  class PollConsumer extends HttpConsumer {
    #timer: NodeJS.Timeout | undefined

    override async handle() {
      await this.channelLayer.groupAdd('news', this.channelName)
      this.#timer = setTimeout(() => void this.sendResponse('', { status: 204 }), 25_000)
    }

    onNews({ text }: { text: string }) {
      return this.sendResponse(text)
    }

    override disconnect() {
      clearTimeout(this.#timer)
    }
  }

  const layer = new InMemoryChannelLayer()
  const scope = { urlRoute: { args: [], kwargs: {} }, channelLayers: { default: layer } }
  const request = new HttpCommunicator(PollConsumer.asApplication(), 'GET', '/poll/', { scope })
  const response = request.getResponse()
  await expect.poll(() => layer.stats().groups).toBe(1)
  await layer.groupSend('news', { type: 'news', text: 'It works.' })
  expect((await response).text).toBe('It works.')
  await request.wait()
  expect(layer.stats().groups).toBe(0)
})

it('gets its dependencies from its creator', async () => {
  class GreetingConsumer extends WebSocketConsumer {
    static override capacity = 20
    static override overflow = 'drop-oldest' as const
    readonly #greeting: string

    constructor(greeting: string) {
      super()
      this.#greeting = greeting
    }

    override async connect() {
      await this.accept()
      await this.send({ text: this.#greeting })
    }
  }

  const application = GreetingConsumer.asApplication('Good evening.')
  const socket = new WebSocketCommunicator(application, '/')
  await socket.connect()
  expect(await socket.receiveFrom()).toBe('Good evening.')
  await socket.disconnect()
})
