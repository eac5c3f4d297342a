import { InMemoryChannelLayer, path, WebSocketConsumer } from 'tideway'
import { WebSocketCommunicator } from 'tideway/testing'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { fetchHandler } from '../../src/server/http/fetch-handler.ts'
import { protocolTypeRouter } from '../../src/routing/protocol-type-router.ts'
import { serving } from '../server/serving.ts'
import { RecordingLogger } from './recording-logger.ts'

class Other {
  answer = 42
}
class Chat extends WebSocketConsumer<{}, {}> {}

afterEach(() => void vi.unstubAllEnvs())

describe('send() with an invalid message', () => {
  it.each([
    ['hello', 'the string "hello"'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ message: 'hello', id: 1 }, 'an object with the keys message, id'],
    [{}, 'an object with the keys (none)'],
    [{ text: 'a', bytes: new Uint8Array(1) }, 'both text and bytes'],
    [{ text: 5 }, 'text of type number'],
    [{ bytes: 'a' }, 'bytes of type string'],
    [new Uint8Array(1), 'a Uint8Array'],
  ])('throws for %j an error that names %s and the right call', async (message, shown) => {
    class Wrong extends WebSocketConsumer<{}, {}> {
      override receive() {
        return this.send(message as never)
      }
    }
    const socket = new WebSocketCommunicator(Wrong.asApplication(), '/')
    await socket.connect()
    socket.sendTo('')
    await expect(socket.wait()).rejects.toMatchObject({
      code: 'ERR_BAD_EVENT',
      message: `send() of Wrong got ${shown}: write send({ text: "…" }) or send({ bytes }), or sendJson(…) in a JsonWebSocketConsumer.`,
    })
  })

  it('accepts text or bytes beside a null, as in ASGI', async () => {
    class Both extends WebSocketConsumer<{}, {}> {
      override receive() {
        return this.send({ text: 'a', bytes: null } as never)
      }
    }
    const socket = new WebSocketCommunicator(Both.asApplication(), '/')
    await socket.connect()
    socket.sendTo('')
    expect(await socket.receiveFrom()).toBe('a')
    await socket.disconnect()
  })
})

describe('connect() that returns without an answer', () => {
  function silent() {
    class NoAccept extends WebSocketConsumer<{}, {}> {
      override async connect() {
        await Promise.resolve()
      }
      onOpened() {
        return this.accept()
      }
      override readonly groups = ['room']
    }
    const layer = new InMemoryChannelLayer()
    const logger = new RecordingLogger()
    const application = NoAccept.asApplication()
    const scope = { channelLayers: { default: layer }, logger }
    return { layer, logger, connection: () => new WebSocketCommunicator(application, '/', { scope }) }
  }

  it('logs one warning per class in development, and a handler may still answer', async () => {
    const { layer, logger, connection } = silent()
    const [first, second] = [connection(), connection()]
    const accepted = Promise.all([first.connect(), second.connect()])
    await expect
      .poll(() => logger.messages('warn'))
      .toEqual([
        'NoAccept.connect() returned without accepting or refusing: call await this.accept(). ' +
          'The handshake waits until a handler answers it, or until connectTimeoutMs expires.',
      ])
    await layer.groupSend('room', { type: 'opened' })
    expect(await accepted).toMatchObject([{ accepted: true }, { accepted: true }])
    expect(logger.lines).toHaveLength(1)
    await Promise.all([first.disconnect(), second.disconnect()])
  })

  it('logs no warning in production', async () => {
    vi.stubEnv('NODE_ENV', 'production')
    const { layer, logger, connection } = silent()
    const socket = connection()
    const accepted = socket.connect()
    await expect.poll(() => layer.stats().groups).toBe(1)
    await layer.groupSend('room', { type: 'opened' })
    await accepted
    expect(logger.lines).toEqual([])
    await socket.disconnect()
  })
})

describe('a message without a handler', () => {
  it.each([
    ['onChatMesage', 'It has onChatMesage()'],
    ['onChatmessage', 'It has onChatmessage()'],
    ['onChatMessages', 'It has onChatMessages()'],
  ])('is reported with the handler %s that has a similar name', async (name, near) => {
    class Near extends WebSocketConsumer<{}, {}> {
      override readonly groups = ['room']
    }
    Object.defineProperty(Near.prototype, name, { value: () => undefined })
    const layer = new InMemoryChannelLayer()
    const logger = new RecordingLogger()
    const socket = new WebSocketCommunicator(Near.asApplication(), '/', {
      scope: { channelLayers: { default: layer }, logger },
    })
    await socket.connect()
    await layer.groupSend('room', { type: 'chat.message' })
    expect(logger.messages('warn')).toEqual([
      `Near has no handler for messages of type "chat.message": add onChatMessage(). ${near}`,
    ])
    await socket.disconnect()
  })
})

describe('a value that is not an application', () => {
  it.each([
    ['asApplication that was not called', Chat.asApplication, 'Call it: ChatConsumer.asApplication().'],
    ['a class that is no consumer', Other, 'it is the class Other, which is no consumer'],
  ])('is reported by path() and protocolTypeRouter(): %s', (_, application, message) => {
    expect(() => path('ws/', application as never)).toThrow(message)
    expect(() => protocolTypeRouter({ websocket: application as never })).toThrow(message)
  })

  it('is reported if asApplication() is called without its class', () => {
    const { asApplication } = Chat
    expect(() => (asApplication as () => unknown)()).toThrow('Call asApplication() on the class')
  })
})

describe('an HTTP request', () => {
  it.each([
    ['a header that is no string', { 'X-A': 5 }, 'needs a string as its value, not number'],
    ['a header that is not there', [['X-A', undefined]], 'needs a string as its value, not undefined'],
    ['headers that are not pairs', 'X-A: 5', 'Headers are pairs'],
  ])('gets 500 after %s, and the log has a coded error', async (_, headers, message) => {
    const server = await serving({
      async http(_scope, _receive, send) {
        await send({ type: 'http.response.start', status: 200, headers: headers as never })
      },
    })
    expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(500)
    expect(server.log.map(({ details }) => details.err)).toMatchObject([
      { code: 'ERR_BAD_EVENT', message: expect.stringContaining(message) as string },
    ])
  })

  it.each([undefined, null, 'text'])(
    'gets 500 when its fetchHandler returns %s, and the log has the right code',
    async (returned) => {
      const server = await serving({ http: fetchHandler(() => returned as never) })
      expect((await fetch(`http://127.0.0.1:${server.port}/`)).status).toBe(500)
      expect(server.log.map(({ details }) => details.err)).toMatchObject([
        {
          code: 'ERR_APPLICATION_RETURNED',
          message: expect.stringContaining('It must return a Response: return new Response(…).') as string,
        },
      ])
    },
  )

  it('gets 404 from an application without http, without advice in production', async () => {
    const server = await serving({ websocket: Chat.asApplication() })
    const answer = async () => {
      const response = await fetch(`http://127.0.0.1:${server.port}/`)
      return [response.status, await response.text()]
    }
    expect(await answer()).toEqual([404, expect.stringContaining('Add one under that name') as string])
    vi.stubEnv('NODE_ENV', 'production')
    expect(await answer()).toEqual([404, 'Not Found\n'])
  })
})
