import { InMemoryChannelLayer, WebSocketConsumer } from 'tideway'
import { handlerNameOf } from 'tideway/consumer'
import { WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { RecordingLogger } from './recording-logger.ts'

/** A connection that is in the group `all` of a layer, and what its consumer logs. */
async function connected(consumerClass: {
  asApplication(): ReturnType<typeof WebSocketConsumer.asApplication<[], WebSocketConsumer>>
}) {
  const layer = new InMemoryChannelLayer()
  const logger = new RecordingLogger()
  const socket = new WebSocketCommunicator(consumerClass.asApplication(), '/', {
    scope: { channelLayers: { default: layer }, logger },
  })
  await socket.connect()
  const tell = (type: string): Promise<void> => layer.groupSend('all', { type })
  return { layer, logger, socket, tell }
}

/** Says its handler's name and the type of the message. */
class Telling extends WebSocketConsumer {
  override readonly groups = ['all']

  onChatMessage({ type }: { type: string }) {
    return this.send({ text: `onChatMessage ${type}` })
  }
  onV2UserJOINED({ type }: { type: string }) {
    return this.send({ text: `onV2UserJOINED ${type}` })
  }
}

describe('a message handler', () => {
  it.each([
    ['chat.message', 'onChatMessage'],
    ['chat_message', 'onChatMessage'],
    ['chat-message', 'onChatMessage'],
    ['chatMessage', 'onChatMessage'],
    ['ChatMessage', 'onChatMessage'],
    ['chat.._-message', 'onChatMessage'],
    ['v2.user_JOINED', 'onV2UserJOINED'],
  ])('handles the type %s as %s', async (type, name) => {
    expect(handlerNameOf(type)).toBe(name)
    const { socket, tell } = await connected(Telling)
    await tell(type)
    expect(await socket.receiveFrom()).toBe(`${name} ${type}`)
    await socket.disconnect()
  })

  it.each([
    'on',
    'onChatMessage',
    'on.chat.message',
    'receive',
    'close',
    'send',
    'connect',
    'disconnect',
    'stop',
    'constructor',
    'prototype',
    '__proto__',
    'to.string',
    'handle.event',
    'websocket.receive',
    'websocket.connect',
    'websocket.disconnect',
    'http.disconnect',
    '_private',
    '.dot',
    '-dash',
    'chat.message.',
    'chat message',
    'chat.méssage',
    '1chat',
    '',
  ])('is not found for the type %j', async (type) => {
    const { socket, tell, layer, logger } = await connected(Telling)
    await tell(type)
    // The connection lives on: what comes next is handled.
    await tell('chat.message')
    expect(await socket.receiveFrom()).toBe('onChatMessage chat.message')
    expect(await socket.receiveNothing(0)).toBe(true)
    expect(layer.stats().dropped.unhandled).toBe(1)
    expect(logger.messages('warn')).toHaveLength(1)
    await socket.disconnect()
  })

  it('is reported by name if it is missing: once per type and class, and counted each time', async () => {
    const { tell, layer, logger, socket } = await connected(Telling)
    for (const type of ['user.left', '_private', 'user.left', '_private', 'user.left']) await tell(type)
    expect(logger.messages('warn')).toEqual([
      'Telling has no handler for messages of type "user.left": add onUserLeft()',
      'Telling has no handler for messages of type "_private", and cannot have one',
    ])
    expect(layer.stats().dropped.unhandled).toBe(5)
    await socket.disconnect()
  })

  it('is not reported without limit if it is missing and each message has another type', async () => {
    const { tell, layer, logger, socket } = await connected(Telling)
    for (let i = 0; i < 1500; i++) await tell(`type${i}`)
    expect(logger.messages('warn')).toHaveLength(1000)
    expect(layer.stats().dropped.unhandled).toBe(1500)
    await tell('chat.message')
    expect(await socket.receiveFrom()).toBe('onChatMessage chat.message')
    await socket.disconnect()
  })

  it('may be inherited, overridden or a property', async () => {
    class Derived extends Telling {
      readonly #sign = 'own'
      onProperty = () => this.send({ text: this.#sign })
      override onV2UserJOINED() {
        return this.send({ text: 'overridden' })
      }
    }
    const { socket, tell } = await connected(Derived)
    for (const type of ['property', 'v2.user_JOINED', 'chat.message']) await tell(type)
    expect(await socket.receiveFrom()).toBe('own')
    expect(await socket.receiveFrom()).toBe('overridden')
    expect(await socket.receiveFrom()).toBe('onChatMessage chat.message')
    await socket.disconnect()
  })

  it('belongs to its instance if it is a property', async () => {
    class Counting extends WebSocketConsumer {
      static made = 0
      readonly #number = ++Counting.made
      override readonly groups = ['all']
      onCount = () => this.send({ text: String(this.#number) })
    }
    const layer = new InMemoryChannelLayer()
    const application = Counting.asApplication()
    const scope = { channelLayers: { default: layer } }
    const sockets = [1, 2].map(() => new WebSocketCommunicator(application, '/', { scope }))
    for (const socket of sockets) await socket.connect()
    await layer.groupSend('all', { type: 'count' })
    expect(await Promise.all(sockets.map((socket) => socket.receiveFrom()))).toEqual(['1', '2'])
    await Promise.all(sockets.map((socket) => socket.disconnect()))
  })

  it('must be a function', async () => {
    class Odd extends Telling {
      readonly onStatus = 'open'
    }
    const { socket, tell, logger } = await connected(Odd)
    await tell('status')
    expect(logger.messages('warn')).toEqual(['Odd has no handler for messages of type "status": add onStatus()'])
    await socket.disconnect()
  })

  it('gets the message as it was sent, frozen', async () => {
    const got: unknown[] = []
    class Keeping extends WebSocketConsumer {
      override readonly groups = ['all']
      onNote(event: object) {
        got.push(event, Object.isFrozen(event))
      }
    }
    const { socket, layer } = await connected(Keeping)
    await layer.groupSend('all', { type: 'note', text: 'a', list: [1, { two: 2 }] })
    expect(got).toEqual([{ type: 'note', text: 'a', list: [1, { two: 2 }] }, true])
    await socket.disconnect()
  })
})
