import { InMemoryChannelLayer, WebSocketConsumer, type TextOrBytes } from 'tideway'
import { ApplicationCommunicator, WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'
import { gate, type Gate } from './ending.ts'
import { RecordingLogger } from './recording-logger.ts'

/** A consumer in the group `all`, whose handlers note when they begin and end. */
class Noting extends WebSocketConsumer<{}, {}> {
  override readonly groups = ['all']
  readonly log: string[]
  /** What `slow` handlers wait for. */
  readonly gate: Gate

  constructor(log: string[], gate: Gate) {
    super()
    this.log = log
    this.gate = gate
  }

  override receive({ text }: TextOrBytes) {
    return this.#note(text!)
  }

  onNote({ text }: { text: string }) {
    return this.#note(text)
  }

  override disconnect() {
    this.log.push('disconnect')
  }

  #note(text: string): void | Promise<void> {
    this.log.push(text)
    if (!text.startsWith('slow')) return undefined
    return this.gate.opened.then(() => {
      this.log.push(`${text} done`)
    })
  }
}

async function noting(consumerClass: typeof Noting = Noting) {
  const layer = new InMemoryChannelLayer()
  const logger = new RecordingLogger()
  const log: string[] = []
  const slow = gate()
  const socket = new WebSocketCommunicator(consumerClass.asApplication(log, slow), '/', {
    scope: { channelLayers: { default: layer }, logger },
  })
  await socket.connect()
  return { layer, logger, log, slow, socket, tell: (text: string) => layer.groupSend('all', { type: 'note', text }) }
}

/** Lets everything happen that is ready to. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a consumer', () => {
  it('handles events of the connection and messages of the layer one at a time, in the order of arrival', async () => {
    const { log, slow, socket, tell } = await noting()
    socket.sendTo('slow event')
    await settled()
    await tell('message 1')
    socket.sendTo('event 1')
    await settled()
    await tell('message 2')
    socket.sendTo('event 2')
    await settled()
    expect(log).toEqual(['slow event'])
    slow.open()
    await settled()
    expect(log).toEqual(['slow event', 'slow event done', 'message 1', 'event 1', 'message 2', 'event 2'])
    await socket.disconnect()
  })

  it('handles earlier events and messages before it disconnects', async () => {
    const { log, slow, socket, tell } = await noting()
    await tell('slow message')
    socket.sendTo('event')
    await settled()
    await tell('message')
    const ended = socket.disconnect()
    await settled()
    await tell('after it')
    slow.open()
    await ended
    expect(log).toEqual(['slow message', 'slow message done', 'event', 'message', 'disconnect'])
  })

  it('handles no message before connect() has ended, and keeps the messages that arrive before', async () => {
    const joined = gate()
    class Slow extends Noting {
      override async connect() {
        this.log.push('connect')
        await this.gate.opened
        await this.accept()
        this.log.push('connected')
      }
    }
    const layer = new InMemoryChannelLayer()
    const log: string[] = []
    const socket = new WebSocketCommunicator(Slow.asApplication(log, joined), '/', {
      scope: { channelLayers: { default: layer } },
    })
    const connected = socket.connect()
    await settled()
    await layer.groupSend('all', { type: 'note', text: 'message' })
    await settled()
    expect(log).toEqual(['connect'])
    joined.open()
    await connected
    await settled()
    expect(log).toEqual(['connect', 'connected', 'message'])
    await socket.disconnect()
  })

  it('handles a message at its delivery, in the same tick, while no handler runs', async () => {
    const { log, socket, tell } = await noting()
    const sent = tell('message')
    await Promise.resolve()
    expect(log).toEqual(['message'])
    await sent
    await socket.disconnect()
  })

  it('keeps the order of 1000 messages and events when some handlers wait', async () => {
    class Lazy extends Noting {
      static override capacity = 2000
      override receive(message: TextOrBytes): void | Promise<void> {
        this.log.push(message.text!)
        return message.text!.endsWith('7') ? Promise.resolve() : undefined
      }
      override onNote({ text }: { text: string }): void | Promise<void> {
        this.log.push(text)
        return text.endsWith('3') ? settled() : undefined
      }
    }
    const { log, socket, tell } = await noting(Lazy)
    const numbers = Array.from({ length: 1000 }, (_, i) => i)
    for (const i of numbers) {
      socket.sendTo(`event ${i}`)
      void tell(`message ${i}`)
    }
    await expect.poll(() => log.length).toBe(2000)
    expect(log.filter((text) => text.startsWith('event'))).toEqual(numbers.map((i) => `event ${i}`))
    expect(log.filter((text) => text.startsWith('message'))).toEqual(numbers.map((i) => `message ${i}`))
    await socket.disconnect()
  })

  it('reads ahead 16 events of a slow handler, and loses none', async () => {
    const log: string[] = []
    const slow = gate()
    const application = Noting.asApplication(log, slow)
    const { scope } = new WebSocketCommunicator(application, '/', {
      scope: { channelLayers: { default: new InMemoryChannelLayer() } },
    })
    let taken = -1
    const events = ['connect', 'slow', ...Array.from({ length: 40 }, (_, i) => `event ${i}`)]
    const receive = () => {
      taken++
      if (taken === 0) return { type: 'websocket.connect' } as const
      const text = events[taken]
      if (text === undefined) return { type: 'websocket.disconnect', code: 1000, reason: '' } as const
      return { type: 'websocket.receive', text } as const
    }
    const ended = application(scope, receive, () => {})
    await settled()
    // The connect and the slow one are handled, 16 wait.
    expect(taken + 1).toBe(2 + 16)
    slow.open()
    await ended
    expect(log).toEqual(['slow', 'slow done', ...events.slice(2), 'disconnect'])
  })

  it('handles a burst of events without waiting if no handler waits', async () => {
    const application = Noting.asApplication([], gate())
    const communicator = new ApplicationCommunicator(
      application,
      new WebSocketCommunicator(application, '/', { scope: { channelLayers: { default: new InMemoryChannelLayer() } } })
        .scope,
    )
    communicator.sendInput({ type: 'websocket.connect' })
    expect(await communicator.receiveOutput()).toEqual({ type: 'websocket.accept' })
    for (let i = 0; i < 100_000; i++) communicator.sendInput({ type: 'websocket.receive', text: 'x' })
    communicator.sendInput({ type: 'websocket.disconnect', code: 1000, reason: '' })
    await communicator.wait(10_000)
  })
})

describe('the mailbox of a consumer', () => {
  it('holds as many messages as the capacity of the layer, and drops, counts and reports the next', async () => {
    const { layer, logger, log, slow, socket, tell } = await noting()
    await tell('slow')
    for (let i = 0; i < 102; i++) await tell(`message ${i}`)
    expect(layer.stats().dropped.full).toBe(2)
    expect(logger.messages('warn')).toEqual([
      'Noting handles messages more slowly than they arrive: messages beyond its capacity of 100 messages or 1048576 bytes are dropped',
    ])
    slow.open()
    await expect.poll(() => log.length).toBe(102)
    expect(log.at(-1)).toBe('message 99')
    await socket.disconnect()
  })

  it('holds as many messages as the capacity of its class', async () => {
    class Small extends Noting {
      static override capacity = 2
    }
    const { layer, log, slow, socket, tell } = await noting(Small)
    await tell('slow')
    for (const text of ['1', '2']) await tell(text)
    expect(layer.stats().dropped.full).toBe(0)
    await tell('3')
    expect(layer.stats().dropped.full).toBe(1)
    slow.open()
    await settled()
    expect(log).toEqual(['slow', 'slow done', '1', '2'])
    await socket.disconnect()
  })

  it('drops the oldest message if its class sets drop-oldest', async () => {
    class Latest extends Noting {
      static override capacity = 2
      static override overflow = 'drop-oldest' as const
    }
    const { layer, log, slow, socket, tell } = await noting(Latest)
    await tell('slow')
    for (const text of ['1', '2', '3', '4']) await tell(text)
    expect(layer.stats().dropped.full).toBe(2)
    slow.open()
    await settled()
    expect(log).toEqual(['slow', 'slow done', '3', '4'])
    await socket.disconnect()
  })

  it('is separate for each consumer, so that a slow one does not delay the others', async () => {
    const layer = new InMemoryChannelLayer({ capacity: 5 })
    const scope = { channelLayers: { default: layer }, logger: new RecordingLogger() }
    const [slowLog, fastLog]: [string[], string[]] = [[], []]
    const slow = new WebSocketCommunicator(Noting.asApplication(slowLog, gate()), '/', { scope })
    const fast = new WebSocketCommunicator(Noting.asApplication(fastLog, gate()), '/', { scope })
    await slow.connect()
    await fast.connect()
    slow.sendTo('slow')
    await settled()
    for (let i = 0; i < 10; i++) await layer.groupSend('all', { type: 'note', text: String(i) })
    expect(fastLog).toHaveLength(10)
    expect(slowLog).toEqual(['slow'])
    expect(layer.stats().dropped.full).toBe(5)
    await fast.disconnect()
  })

  it('accepts events of the connection beyond its capacity, which bounds only messages', async () => {
    class Small extends Noting {
      static override capacity = 1
    }
    const { log, slow, socket, tell } = await noting(Small)
    await tell('slow')
    for (const text of ['1', '2', '3']) socket.sendTo(text)
    await settled()
    await tell('message')
    slow.open()
    await settled()
    expect(log).toEqual(['slow', 'slow done', '1', '2', '3', 'message'])
    await socket.disconnect()
  })
})
