import {
  InMemoryChannelLayer,
  path,
  rePath,
  StopConsumer,
  urlRouter,
  WebSocketConsumer,
  type TextOrBytes,
} from 'tideway'
import { AcceptConnection, DenyConnection } from 'tideway/consumer'
import { WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'

/** Answers what it is sent. */
class Echo extends WebSocketConsumer {
  override receive(message: TextOrBytes) {
    return this.send(message)
  }
}

describe('WebSocketConsumer', () => {
  it('accepts, receives text and bytes, sends text and bytes, and disconnects', async () => {
    const calls: unknown[] = []
    class Recording extends WebSocketConsumer {
      override async connect() {
        calls.push('connect')
        await this.accept()
      }
      override async receive({ text, bytes }: TextOrBytes) {
        calls.push(text ?? bytes)
        await this.send(text === undefined ? { bytes } : { text })
      }
      override async disconnect(code: number, reason: string) {
        calls.push(['disconnect', code, reason])
      }
    }
    const socket = new WebSocketCommunicator(Recording.asApplication(), '/')
    expect(await socket.connect()).toMatchObject({ accepted: true })
    socket.sendTo('hello')
    expect(await socket.receiveFrom()).toBe('hello')
    socket.sendTo(new Uint8Array([1, 2, 3]))
    expect(await socket.receiveFrom()).toEqual(new Uint8Array([1, 2, 3]))
    await socket.disconnect(1001, 'bye')
    expect(calls).toEqual(['connect', 'hello', new Uint8Array([1, 2, 3]), ['disconnect', 1001, 'bye']])
  })

  it('accepts and ignores messages if nothing is overridden', async () => {
    class Silent extends WebSocketConsumer {}
    const socket = new WebSocketCommunicator(Silent.asApplication(), '/')
    expect(await socket.connect()).toMatchObject({ accepted: true, subprotocol: undefined })
    socket.sendTo('hello')
    expect(await socket.receiveNothing(5)).toBe(true)
    await socket.disconnect()
  })

  it('creates one instance per connection with the arguments of asApplication()', async () => {
    class Numbered extends WebSocketConsumer {
      static made = 0
      readonly #greeting: string
      readonly #number = ++Numbered.made

      constructor(greeting: string) {
        super()
        this.#greeting = greeting
      }
      override async connect() {
        await this.accept()
        await this.send({ text: `${this.#greeting} ${this.#number}` })
      }
    }
    const application = Numbered.asApplication('hello')
    const [first, second] = [new WebSocketCommunicator(application, '/'), new WebSocketCommunicator(application, '/')]
    await first.connect()
    await second.connect()
    expect([await first.receiveFrom(), await second.receiveFrom()]).toEqual(['hello 1', 'hello 2'])
    await second.disconnect()
    await first.disconnect()
  })

  it('has the scope of its own connection, in any order of messages', async () => {
    class Where extends WebSocketConsumer<{ room: string }> {
      override receive() {
        return this.send({ text: `${this.scope.path} ${this.scope.urlRoute.kwargs.room}` })
      }
    }
    const application = urlRouter([
      path('a/:room/', Where.asApplication()),
      rePath(/^b\/(?<room>\w+)\/$/, Where.asApplication()),
    ])
    const one = new WebSocketCommunicator(application, '/a/one/')
    const two = new WebSocketCommunicator(application, '/b/two/')
    await one.connect()
    await two.connect()
    two.sendTo('')
    one.sendTo('')
    one.sendTo('')
    expect(await two.receiveFrom()).toBe('/b/two/ two')
    expect([await one.receiveFrom(), await one.receiveFrom()]).toEqual(['/a/one/ one', '/a/one/ one'])
    await one.disconnect()
    await two.disconnect()
  })

  it('selects one of the subprotocols that the client offers', async () => {
    class Choosing extends WebSocketConsumer {
      override connect() {
        return this.accept({ subprotocol: this.scope.subprotocols.at(-1) })
      }
    }
    const socket = new WebSocketCommunicator(Choosing.asApplication(), '/', { subprotocols: ['v1', 'v2'] })
    expect(await socket.connect()).toMatchObject({ accepted: true, subprotocol: 'v2' })
    await socket.disconnect()
  })

  it('is in the groups of its class from before connect() until after disconnect()', async () => {
    const layer = new InMemoryChannelLayer()
    const groupsAt: Record<string, number> = {}
    class Grouped extends WebSocketConsumer {
      override readonly groups = ['chat', 'news']
      override connect() {
        groupsAt.connect = layer.stats().groups
        return this.accept()
      }
      override disconnect() {
        groupsAt.disconnect = layer.stats().groups
      }
      onGreeting({ text }: { text: string }) {
        return this.send({ text })
      }
    }
    const socket = new WebSocketCommunicator(Grouped.asApplication(), '/', {
      scope: { channelLayers: { default: layer } },
    })
    await socket.connect()
    await layer.groupSend('chat', { type: 'greeting', text: 'hello' })
    expect(await socket.receiveFrom()).toBe('hello')
    await layer.groupSend('news', { type: 'greeting', text: 'again' })
    expect(await socket.receiveFrom()).toBe('again')
    await socket.disconnect()
    expect(groupsAt).toEqual({ connect: 2, disconnect: 2 })
    expect(layer.stats()).toMatchObject({ groups: 0, channels: 0 })
  })

  it('rejects if it has groups and the application has no channel layer', async () => {
    class Grouped extends WebSocketConsumer {
      override readonly groups = ['chat']
    }
    const socket = new WebSocketCommunicator(Grouped.asApplication(), '/')
    await expect(socket.connect()).rejects.toMatchObject({
      cause: {
        code: 'ERR_NO_CHANNEL_LAYER',
        message: expect.stringContaining('Grouped has no channel layer "default"') as string,
      },
    })
  })

  it('uses the layer that its class names', async () => {
    const [main, other] = [new InMemoryChannelLayer(), new InMemoryChannelLayer()]
    class Aliased extends WebSocketConsumer {
      static override channelLayerAlias = 'other'
      override readonly groups = ['chat']
      onGreeting() {
        return this.send({ text: 'hello' })
      }
    }
    const socket = new WebSocketCommunicator(Aliased.asApplication(), '/', {
      scope: { channelLayers: { default: main, other } },
    })
    await socket.connect()
    expect([main.stats().groups, other.stats().groups]).toEqual([0, 1])
    await main.groupSend('chat', { type: 'greeting' })
    await other.groupSend('chat', { type: 'greeting' })
    expect(await socket.receiveFrom()).toBe('hello')
    expect(await socket.receiveNothing(5)).toBe(true)
    await socket.disconnect()
  })

  it('gets the messages to its own channel', async () => {
    const layer = new InMemoryChannelLayer()
    class Named extends WebSocketConsumer {
      override async connect() {
        await this.accept()
        await this.send({ text: this.channelName })
      }
      onGreeting() {
        return this.send({ text: 'hello' })
      }
    }
    const socket = new WebSocketCommunicator(Named.asApplication(), '/', {
      scope: { channelLayers: { default: layer } },
    })
    await socket.connect()
    const name = (await socket.receiveFrom()) as string
    await layer.send(name, { type: 'greeting' })
    expect(await socket.receiveFrom()).toBe('hello')
    await socket.disconnect()
  })

  it('creates its channel only at the first use', async () => {
    const layer = new InMemoryChannelLayer()
    const socket = new WebSocketCommunicator(Echo.asApplication(), '/', {
      scope: { channelLayers: { default: layer } },
    })
    await socket.connect()
    expect(layer.stats().channels).toBe(0)
    await socket.disconnect()
  })

  it('adds headers to the response of the handshake', async () => {
    class WithHeaders extends WebSocketConsumer {
      override connect() {
        return this.accept({
          headers: [
            ['Set-Cookie', 'a=1'],
            ['Set-Cookie', 'b=2'],
          ],
        })
      }
    }
    const socket = new WebSocketCommunicator(WithHeaders.asApplication(), '/')
    expect((await socket.connect()).headers.getAll('set-cookie')).toEqual(['a=1', 'b=2'])
    await socket.disconnect()
  })

  it('closes with a code and a reason, and disconnect() gets them', async () => {
    const ends: unknown[] = []
    class Closing extends WebSocketConsumer {
      override receive() {
        return this.close(4007, 'test reason')
      }
      override disconnect(code: number, reason: string) {
        ends.push([code, reason])
      }
    }
    const socket = new WebSocketCommunicator(Closing.asApplication(), '/')
    await socket.connect()
    socket.sendTo('')
    expect(await socket.receiveClose()).toEqual({ code: 4007, reason: 'test reason' })
    await socket.wait()
    expect(ends).toEqual([[4007, 'test reason']])
  })

  it('closes with 1000 without a code', async () => {
    class Closing extends WebSocketConsumer {
      override receive() {
        return this.close()
      }
    }
    const socket = new WebSocketCommunicator(Closing.asApplication(), '/')
    await socket.connect()
    socket.sendTo('')
    expect(await socket.receiveClose()).toEqual({ code: 1000, reason: '' })
  })

  it('rejects a message that is neither text nor bytes', async () => {
    class Empty extends WebSocketConsumer {
      override receive() {
        return this.send({} as TextOrBytes)
      }
    }
    const socket = new WebSocketCommunicator(Empty.asApplication(), '/')
    await socket.connect()
    socket.sendTo('')
    await expect(socket.wait()).rejects.toMatchObject({ code: 'ERR_BAD_EVENT' })
  })

  describe('connect() of a WebSocketConsumer', () => {
    it('may reject the handshake with 403 by close(), DenyConnection or StopConsumer', async () => {
      class Closing extends WebSocketConsumer {
        override connect() {
          return this.close()
        }
      }
      class Denying extends WebSocketConsumer {
        override connect(): never {
          throw new DenyConnection()
        }
      }
      class Stopping extends WebSocketConsumer {
        override connect(): never {
          throw new StopConsumer()
        }
      }
      for (const application of [Closing, Denying, Stopping].map((each) => each.asApplication())) {
        const socket = new WebSocketCommunicator(application, '/')
        expect(await socket.connect()).toMatchObject({ accepted: false, status: 403 })
        await socket.disconnect()
      }
    })

    it('may reject the handshake with its own response', async () => {
      class Denying extends WebSocketConsumer {
        override connect() {
          return this.deny({ status: 401, headers: { 'WWW-Authenticate': 'Bearer' }, body: 'who are you?' })
        }
      }
      const socket = new WebSocketCommunicator(Denying.asApplication(), '/')
      const result = await socket.connect()
      expect(result).toMatchObject({ accepted: false, status: 401, text: 'who are you?' })
      expect(result.headers.get('www-authenticate')).toBe('Bearer')
      await socket.disconnect()
    })

    it('may accept by AcceptConnection', async () => {
      class Accepting extends Echo {
        override connect(): never {
          throw new AcceptConnection()
        }
      }
      const socket = new WebSocketCommunicator(Accepting.asApplication(), '/')
      expect(await socket.connect()).toMatchObject({ accepted: true })
      socket.sendTo('a')
      expect(await socket.receiveFrom()).toBe('a')
      await socket.disconnect()
    })

    it('may leave the answer to a message of the channel layer', async () => {
      const layer = new InMemoryChannelLayer()
      class Waiting extends WebSocketConsumer {
        override async connect() {
          await this.channelLayer.groupAdd('waiting-room', this.channelName)
        }
        onDoorOpened() {
          return this.accept()
        }
      }
      const socket = new WebSocketCommunicator(Waiting.asApplication(), '/', {
        scope: { channelLayers: { default: layer } },
      })
      await expect(socket.connect(5)).rejects.toMatchObject({ code: 'ERR_TEST_TIMEOUT' })
      await layer.groupSend('waiting-room', { type: 'door.opened' })
      expect(await socket.connect()).toMatchObject({ accepted: true })
      await socket.disconnect()
    })

    it('leaves the handshake to the server if the arguments of accept() are rejected', async () => {
      class Wrong extends WebSocketConsumer {
        override connect() {
          return this.accept({ subprotocol: 'never-offered' })
        }
      }
      const socket = new WebSocketCommunicator(Wrong.asApplication(), '/')
      // Not a 403 by the close of a connection that never was: the server answers 500 for it.
      await expect(socket.connect()).rejects.toMatchObject({ cause: { code: 'ERR_BAD_EVENT' } })
    })
  })

  it('throws in its constructor for a use of the connection', () => {
    class Hasty extends WebSocketConsumer {
      readonly path = this.scope.path
    }
    expect(() => new Hasty()).toThrow(expect.objectContaining({ code: 'ERR_OUT_OF_TURN' }) as Error)
  })

  it.each([
    ['capacity', 0],
    ['capacityBytes', 0],
    ['capacity', 1.5],
    ['disconnectTimeoutMs', 0],
    ['disconnectTimeoutMs', Number.NaN],
    ['disconnectTimeoutMs', 2 ** 31],
  ])('rejects a class whose %s is %s', (option, value) => {
    class Odd extends WebSocketConsumer {}
    Object.assign(Odd, { [option]: value })
    expect(() => Odd.asApplication()).toThrow(
      expect.objectContaining({
        code: 'ERR_BAD_OPTION',
        message: expect.stringMatching(`^Odd.${option} must`),
      }) as Error,
    )
  })
})
