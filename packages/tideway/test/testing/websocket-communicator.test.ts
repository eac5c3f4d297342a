import { JsonWebSocketConsumer, path, urlRouter, WebSocketConsumer, type Application, type TextOrBytes } from 'tideway'
import { HeaderList, type WebSocketScope } from 'tideway/asgi'
import { HandshakeRefused, WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'

type WebSocketApplication = Application<WebSocketScope>

class Echo extends WebSocketConsumer {
  override receive(message: TextOrBytes) {
    return this.send(message)
  }
}

/** An application that accepts and then runs the given function. */
function accepting(then: (...args: Parameters<WebSocketApplication>) => Promise<void>): WebSocketApplication {
  return async (scope, receive, send) => {
    await receive()
    await send({ type: 'websocket.accept' })
    await then(scope, receive, send)
  }
}

describe('WebSocketCommunicator', () => {
  it('connects, sends and receives text, bytes and JSON, and disconnects', async () => {
    const socket = new WebSocketCommunicator(Echo.asApplication(), '/echo/')
    expect(await socket.connect()).toEqual({ accepted: true, subprotocol: undefined, headers: HeaderList.from([]) })
    socket.sendTo('hello')
    expect(await socket.receiveFrom()).toBe('hello')
    socket.sendTo(new Uint8Array([1, 2]))
    expect(await socket.receiveFrom()).toEqual(new Uint8Array([1, 2]))
    socket.sendJsonTo({ hello: 'world' })
    expect(await socket.receiveJsonFrom()).toEqual({ hello: 'world' })
    await socket.disconnect()
  })

  it.each([
    ['text', ''],
    ['bytes', new Uint8Array()],
  ])('sends and receives empty %s', async (_what, empty) => {
    const socket = new WebSocketCommunicator(Echo.asApplication(), '/')
    await socket.connect()
    socket.sendTo(empty)
    expect(await socket.receiveFrom()).toEqual(empty)
    await socket.disconnect()
  })

  it.each([
    ['/ws/chat/?page=2', 'ws', 'localhost'],
    ['ws/chat/?page=2', 'ws', 'localhost'],
    ['ws://example.com/ws/chat/?page=2', 'ws', 'example.com'],
    ['wss://example.com:8443/ws/chat/?page=2', 'wss', 'example.com:8443'],
    ['https://example.com/ws/chat/?page=2', 'wss', 'example.com'],
  ])('accepts the URL %s', (url, scheme, host) => {
    const { scope } = new WebSocketCommunicator(Echo.asApplication(), url)
    expect(scope).toMatchObject({ type: 'websocket', scheme, path: '/ws/chat/', queryString: 'page=2' })
    expect(scope.headers.get('host')).toBe(host)
  })

  it('passes the decoded path and the raw path', () => {
    const { scope } = new WebSocketCommunicator(Echo.asApplication(), '/ws/caf%C3%A9 é/')
    expect(scope).toMatchObject({ path: '/ws/café é/', rawPath: '/ws/caf%C3%A9%20%C3%A9/', queryString: '' })
  })

  it.each(['ftp://example.com/', 'http://', '/a%ff'])('rejects the URL %s', (url) => {
    expect(() => new WebSocketCommunicator(Echo.asApplication(), url)).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_OPTION' }) as Error,
    )
  })

  it('sends headers in any case and offers subprotocols', async () => {
    const application: WebSocketApplication = async ({ headers, subprotocols }, receive, send) => {
      await receive()
      await send({
        type: 'websocket.accept',
        subprotocol: subprotocols[1],
        headers: { 'x-cookie': headers.get('cookie') ?? '' },
      })
    }
    const socket = new WebSocketCommunicator(application, '/', {
      headers: { Cookie: 'a=b', Host: 'example.com' },
      subprotocols: ['v1', 'v2'],
    })
    const result = await socket.connect()
    expect(result).toMatchObject({ accepted: true, subprotocol: 'v2' })
    expect(result.headers.get('X-Cookie')).toBe('a=b')
    expect(socket.scope.headers.getAll('host')).toEqual(['example.com'])
  })

  it('runs a urlRouter, which gives the consumer its kwargs', async () => {
    class Room extends WebSocketConsumer<{ room: string }> {
      override async connect() {
        await this.accept()
        await this.send({ text: this.scope.urlRoute.kwargs.room })
      }
    }
    const socket = new WebSocketCommunicator(urlRouter([path('ws/:room/', Room.asApplication())]), '/ws/lobby/')
    await socket.connect()
    expect(await socket.receiveFrom()).toBe('lobby')
    await socket.disconnect()
  })

  it('answers connect() with 403 when the application closes the handshake', async () => {
    class Refusing extends WebSocketConsumer {
      override connect() {
        return this.close(4001)
      }
    }
    const socket = new WebSocketCommunicator(Refusing.asApplication(), '/')
    expect(await socket.connect()).toMatchObject({ accepted: false, status: 403, text: '' })
    await socket.disconnect()
  })

  it('answers connect() with the whole denial response, also in pieces', async () => {
    const application: WebSocketApplication = async (_scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.http.response.start', status: 401, headers: { 'WWW-Authenticate': 'Basic' } })
      await send({ type: 'websocket.http.response.body', body: '{"error":', moreBody: true })
      await send({ type: 'websocket.http.response.body', body: Buffer.from('"login"}') })
    }
    const result = await new WebSocketCommunicator(application, '/').connect()
    expect(result).toBeInstanceOf(HandshakeRefused)
    expect(result).toMatchObject({ accepted: false, status: 401 })
    expect(result.headers.get('www-authenticate')).toBe('Basic')
    expect((result as HandshakeRefused).json()).toEqual({ error: 'login' })
  })

  it('continues the handshake when connect() is called again after a timeout', async () => {
    let deny!: () => void
    const application: WebSocketApplication = async (_scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.http.response.start', status: 409 })
      await send({ type: 'websocket.http.response.body', body: 'full', moreBody: true })
      await new Promise<void>((resolve) => {
        deny = resolve
      })
      await send({ type: 'websocket.http.response.body', body: '!' })
    }
    const socket = new WebSocketCommunicator(application, '/')
    await expect(socket.connect(5)).rejects.toThrow('Waited 5 ms for the rest of the denial response')
    deny()
    const result = await socket.connect()
    expect(result).toMatchObject({ accepted: false, status: 409, text: 'full!' })
    expect(await socket.connect()).toBe(result)
  })

  it('rejects with the event that came instead of a message, and keeps it', async () => {
    const socket = new WebSocketCommunicator(
      accepting(async (_scope, _receive, send) => {
        await send({ type: 'websocket.close', code: 4000, reason: 'enough' })
      }),
      '/',
    )
    await socket.connect()
    await expect(socket.receiveFrom()).rejects.toMatchObject({
      code: 'ERR_TEST_EXPECTATION',
      message: "Expected websocket.send, but got { type: 'websocket.close', code: 4000, reason: 'enough' }.",
    })
    expect(await socket.receiveClose()).toEqual({ code: 4000, reason: 'enough' })
  })

  it('rejects with the event that came instead of the close, shortened, and keeps it', async () => {
    const socket = new WebSocketCommunicator(Echo.asApplication(), '/')
    await socket.connect()
    socket.sendTo('x'.repeat(10_000))
    await expect(socket.receiveClose()).rejects.toThrow(/^Expected websocket.close, but got .*9900 more characters/)
    expect(await socket.receiveFrom()).toHaveLength(10_000)
    await socket.disconnect()
  })

  it('closes with 1000 for an application that returns', async () => {
    const socket = new WebSocketCommunicator(
      accepting(() => Promise.resolve()),
      '/',
    )
    await socket.connect()
    expect(await socket.receiveClose()).toEqual({ code: 1000, reason: '' })
  })

  it('passes the disconnect of its own close to the application at every receive()', async () => {
    const events: unknown[] = []
    const socket = new WebSocketCommunicator(
      accepting(async (_scope, receive, send) => {
        await send({ type: 'websocket.close', code: 4000, reason: 'enough' })
        events.push(await receive(), await receive())
      }),
      '/',
    )
    await socket.connect()
    await socket.wait()
    const last = { type: 'websocket.disconnect', code: 4000, reason: 'enough' }
    expect(events).toEqual([last, last])
    expect(() => socket.sendTo('more')).toThrow('Wanted to give it websocket.receive, but the application has sent')
  })

  it('passes code and reason of the client’s disconnect to the application', async () => {
    const events: unknown[] = []
    const socket = new WebSocketCommunicator(
      accepting(async (_scope, receive) => {
        events.push(await receive())
      }),
      '/',
    )
    await socket.connect()
    await socket.disconnect(1001, 'going home')
    expect(events).toEqual([{ type: 'websocket.disconnect', code: 1001, reason: 'going home' }])
    await socket.disconnect()
    expect(() => socket.sendTo('more')).toThrow(expect.objectContaining({ code: 'ERR_TEST_EXPECTATION' }) as Error)
  })

  it('waits at disconnect() until the application has ended', async () => {
    let hasEnded = false
    const socket = new WebSocketCommunicator(
      accepting(async (_scope, receive) => {
        await receive()
        await new Promise((resolve) => setImmediate(resolve))
        hasEnded = true
      }),
      '/',
    )
    await socket.connect()
    await socket.disconnect()
    expect(hasEnded).toBe(true)
  })

  it('rejects disconnect() if the application does not end', async () => {
    const socket = new WebSocketCommunicator(
      accepting(() => new Promise(() => {})),
      '/',
      { timeoutMs: 5 },
    )
    await socket.connect()
    await expect(socket.disconnect()).rejects.toThrow('Waited 5 ms for the application to end')
  })

  it('resolves disconnect() without connect()', async () => {
    let calls = 0
    const socket = new WebSocketCommunicator<WebSocketScope>(async () => {
      calls++
    }, '/')
    await socket.disconnect()
    expect(calls).toBe(0)
  })

  it('resumes at disconnect() an application that waits for a slow client', async () => {
    const socket = new WebSocketCommunicator(
      accepting(async (_scope, _receive, send) => {
        for (;;) await send({ type: 'websocket.send', text: 'more' })
      }),
      '/',
    )
    await socket.connect()
    await expect(socket.wait(5)).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    // A send after the disconnect is no fault, so it is not reported.
    await socket.disconnect()
    expect(await socket.receiveFrom()).toBe('more')
  })

  describe('with a consumer that throws', () => {
    class Failing extends JsonWebSocketConsumer {
      override receiveJson(): never {
        throw new RangeError('too far')
      }
    }

    it('rejects the next receive with its error, although the close came first', async () => {
      const socket = new WebSocketCommunicator(Failing.asApplication(), '/')
      await socket.connect()
      socket.sendJsonTo(1)
      await expect(socket.receiveFrom()).rejects.toMatchObject({
        message: expect.stringMatching(
          /^Expected websocket.send, but got .*1011.* threw: RangeError: too far$/,
        ) as string,
        cause: new RangeError('too far'),
      })
      expect(await socket.receiveClose()).toEqual({ code: 1011, reason: '' })
      // Reported once: a disconnect in the clean-up does not hide the first error of the test.
      await socket.disconnect()
    })

    it('throws its error at the next send', async () => {
      const socket = new WebSocketCommunicator(Failing.asApplication(), '/')
      await socket.connect()
      socket.sendJsonTo(1)
      await expect(socket.wait()).rejects.toThrow(RangeError)
      expect(() => socket.sendTo('')).toThrow('the application threw: RangeError: too far')
    })

    it('rejects disconnect() and wait() with the same error', async () => {
      const socket = new WebSocketCommunicator(Failing.asApplication(), '/')
      await socket.connect()
      socket.sendJsonTo(1)
      await expect(socket.disconnect()).rejects.toThrow(RangeError)
      await expect(socket.wait()).rejects.toThrow(RangeError)
    })

    it('rejects connect() with its error if it throws during the handshake', async () => {
      class Late extends WebSocketConsumer {
        override connect(): never {
          throw new RangeError('not today')
        }
      }
      const socket = new WebSocketCommunicator(Late.asApplication(), '/')
      await expect(socket.connect()).rejects.toThrow(
        'Expected an answer to the handshake, but the application threw: RangeError: not today',
      )
    })
  })

  it('rejects a message that is not JSON, with its text', async () => {
    const socket = new WebSocketCommunicator(Echo.asApplication(), '/')
    await socket.connect()
    socket.sendTo('{')
    socket.sendTo(new Uint8Array(3))
    await expect(socket.receiveJsonFrom()).rejects.toThrow('Expected JSON text, but got "{".')
    await expect(socket.receiveJsonFrom()).rejects.toThrow('Expected JSON text, but got 3 bytes.')
    await socket.disconnect()
  })

  it('throws from sendTo() before the connection is open', () => {
    const socket = new WebSocketCommunicator(Echo.asApplication(), '/')
    expect(() => socket.sendTo('early')).toThrow('the application has not accepted it')
  })

  it('rejects with a timeout if the application never answers', async () => {
    const socket = new WebSocketCommunicator<WebSocketScope>(() => new Promise(() => {}), '/', { timeoutMs: 5 })
    await expect(socket.connect()).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    await expect(socket.receiveFrom()).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    await expect(socket.receiveClose()).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
    await expect(socket.disconnect()).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
  })

  it('disconnects at the end of the block that uses it', async () => {
    let code = 0
    class Noting extends WebSocketConsumer {
      override disconnect(given: number) {
        code = given
      }
    }
    {
      await using socket = new WebSocketCommunicator(Noting.asApplication(), '/')
      await socket.connect()
    }
    expect(code).toBe(1000)
  })
})
