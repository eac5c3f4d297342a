import {
  HttpConsumer,
  InMemoryChannelLayer,
  JsonWebSocketConsumer,
  WebSocketConsumer,
  type TextOrBytes,
  type User,
} from 'tideway'
import { anonymousUser, asgiVersions, type ChannelScope } from 'tideway/asgi'
import { ApplicationCommunicator, HttpCommunicator, liveServer, WebSocketCommunicator } from 'tideway/testing'
import { expect, it } from 'vitest'
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
