import { once } from 'node:events'
import type { ClientRequest, IncomingMessage } from 'node:http'
import {
  Consumer,
  defineApplication,
  InMemoryChannelLayer,
  JsonWebSocketConsumer,
  StopConsumer,
  WebSocketConsumer,
  type TextOrBytes,
} from 'tideway'
import { asgiVersions, type Application, type ChannelScope } from 'tideway/asgi'
import type { WebSocketConsumerScope } from 'tideway/consumer'
import { originValidator } from 'tideway/security'
import { ApplicationCommunicator, liveServer, WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { gate } from './ending.ts'
import { RecordingLogger } from './recording-logger.ts'

type Message = { readonly type: string; readonly [key: string]: unknown }

/** So many connections whose consumers are in the group `all`. */
async function room(application: Application<WebSocketConsumerScope<{}, {}>>, size = 3) {
  const layer = new InMemoryChannelLayer()
  const logger = new RecordingLogger()
  const scope = { channelLayers: { default: layer }, logger }
  const members = Array.from({ length: size }, () => new WebSocketCommunicator(application, '/', { scope }))
  for (const member of members) await member.connect()
  onTestFinished(async () => {
    for (const member of members) await member.disconnect()
  })
  const tell = (message: Message): Promise<void> => layer.groupSend('all', message)
  const heard = (): Promise<unknown[]> => Promise.all(members.map((member) => member.receiveFrom()))
  return { layer, logger, members, tell, heard }
}

class Member extends WebSocketConsumer<{}, {}> {
  override readonly groups = ['all']
}

/** Lets everything happen that is ready to. */
const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

describe('a static handler', () => {
  it('runs once per message, and every member is sent its result', async () => {
    const calls: unknown[] = []
    class Chat extends Member {
      static onChatMessage(event: { message: string }) {
        calls.push(event)
        return { text: event.message }
      }
    }
    const { tell, heard } = await room(Chat.asApplication())
    await tell({ type: 'chat.message', message: 'hello' })
    expect(await heard()).toEqual(['hello', 'hello', 'hello'])
    // Equal is not the same: it is sent again.
    await tell({ type: 'chat.message', message: 'hello' })
    expect(await heard()).toEqual(['hello', 'hello', 'hello'])
    expect(calls).toEqual(Array.from({ length: 2 }, () => ({ type: 'chat.message', message: 'hello' })))
  })

  it('runs once for members of two routes, and once for each class that has its own', async () => {
    const calls: string[] = []
    class Chat extends Member {
      static onNote() {
        calls.push(this.name)
        return { text: this.name }
      }
    }
    class Other extends Chat {}
    const layer = new InMemoryChannelLayer()
    const scope = { channelLayers: { default: layer } }
    const applications = [Chat.asApplication(), Chat.asApplication(), Other.asApplication()]
    const members = applications.map((application) => new WebSocketCommunicator(application, '/', { scope }))
    for (const member of members) await member.connect()
    await layer.groupSend('all', { type: 'note' })
    expect(await Promise.all(members.map((member) => member.receiveFrom()))).toEqual(['Chat', 'Chat', 'Other'])
    expect(calls).toEqual(['Chat', 'Other'])
    for (const member of members) await member.disconnect()
  })

  it('sends the bytes as they were when it returned them', async () => {
    const buffer = new Uint8Array(1)
    class Chat extends Member {
      static onCount({ n }: { n: number }) {
        buffer[0] = n
        return { bytes: buffer }
      }
    }
    const { tell, heard } = await room(Chat.asApplication())
    await tell({ type: 'count', n: 1 })
    await tell({ type: 'count', n: 2 })
    for (const n of [1, 2]) expect(await heard()).toEqual([1, 2, 3].map(() => new Uint8Array([n])))
  })

  it('returns content in a JsonWebSocketConsumer, whose class encodes it once', async () => {
    let encoded = 0
    class Json extends JsonWebSocketConsumer<{}, {}> {
      override readonly groups = ['all']
      static onNote({ content }: { content: unknown }) {
        return content
      }
      override receiveJson() {}
      override encodeJson(content: unknown) {
        encoded++
        return super.encodeJson({ content })
      }
    }
    const { tell, heard } = await room(Json.asApplication())
    for (const content of [{ a: [1] }, null, 'text', 0]) {
      await tell({ type: 'note', content })
      expect(await heard()).toEqual([1, 2, 3].map(() => JSON.stringify({ content })))
    }
    expect(encoded).toBe(4)
  })

  it('sends nothing if it returns nothing', async () => {
    class Chat extends Member {
      static onNote({ text }: { text: string }): TextOrBytes | undefined {
        return text === '' ? undefined : { text }
      }
    }
    class Json extends JsonWebSocketConsumer<{}, {}> {
      override readonly groups = ['all']
      static onNote({ text }: { text: string }): unknown {
        return text === '' ? undefined : text
      }
      override receiveJson() {}
    }
    for (const [application, answer] of [
      [Chat.asApplication(), 'a'] as const,
      [Json.asApplication(), '"a"'] as const,
    ]) {
      const { tell, heard, layer } = await room(application)
      await tell({ type: 'note', text: '' })
      await tell({ type: 'note', text: 'a' })
      expect(await heard()).toEqual([answer, answer, answer])
      expect(layer.stats().dropped.unhandled).toBe(0)
    }
  })

  it('runs once if it is asynchronous, and each member waits for it in its own order', async () => {
    const slow = gate()
    let calls = 0
    class Chat extends Member {
      static async onSlow() {
        calls++
        await slow.opened
        return { text: 'slow' }
      }
      onNote() {
        return this.send({ text: 'note' })
      }
      override receive({ text }: TextOrBytes) {
        return this.send({ text: text! })
      }
    }
    const { tell, members, heard } = await room(Chat.asApplication())
    await tell({ type: 'slow' })
    await tell({ type: 'note' })
    members[0]!.sendTo('own')
    await settled()
    expect(await members[0]!.receiveNothing(0)).toBe(true)
    slow.open()
    expect(await heard()).toEqual(['slow', 'slow', 'slow'])
    expect(await heard()).toEqual(['note', 'note', 'note'])
    expect(await members[0]!.receiveFrom()).toBe('own')
    expect(calls).toBe(1)
  })

  it('keeps its order among the other handlers of a busy member, and still runs once', async () => {
    const slow = gate()
    const calls: number[] = []
    class Chat extends Member {
      static onShared({ n }: { n: number }) {
        calls.push(n)
        return { text: `shared ${n}` }
      }
      onOwn({ n }: { n: number }) {
        return this.send({ text: `own ${n}` })
      }
      override async receive() {
        await slow.opened
        await this.send({ text: 'received' })
      }
    }
    const { tell, members } = await room(Chat.asApplication(), 2)
    const [busy, idle] = members as [WebSocketCommunicator, WebSocketCommunicator]
    busy.sendTo('wait')
    await settled()
    for (const n of [1, 2, 3]) {
      await tell({ type: 'shared', n })
      await tell({ type: 'own', n })
    }
    const all = [1, 2, 3].flatMap((n) => [`shared ${n}`, `own ${n}`])
    for (const text of all) expect(await idle.receiveFrom()).toBe(text)
    expect(await busy.receiveNothing(0)).toBe(true)
    slow.open()
    for (const text of ['received', ...all]) expect(await busy.receiveFrom()).toBe(text)
    expect(calls).toEqual([1, 2, 3])
  })

  it('gets the class as this, with its other static members', async () => {
    class Chat extends Member {
      static readonly greeting = 'hello'
      static onNote() {
        return { text: this.greeting }
      }
    }
    const { tell, heard } = await room(Chat.asApplication())
    await tell({ type: 'note' })
    expect(await heard()).toEqual(['hello', 'hello', 'hello'])
  })

  it('is inherited, and a subclass may override it with a static or an instance method', async () => {
    class Base extends Member {
      static onKept() {
        return { text: 'kept' }
      }
      static onChanged() {
        return { text: 'base' }
      }
      static onOwn() {
        return { text: 'base' }
      }
      static onProperty() {
        return { text: 'base' }
      }
      onShared() {
        return this.send({ text: 'base' })
      }
    }
    class Derived extends Base {
      static override onChanged() {
        return { text: 'changed' }
      }
      static onShared() {
        return { text: 'shared' }
      }
      onOwn() {
        return this.send({ text: 'own' })
      }
      readonly onProperty = () => this.send({ text: 'property' })
    }
    const { tell, heard } = await room(Derived.asApplication(), 1)
    for (const text of ['kept', 'changed', 'shared', 'own', 'property']) {
      await tell({ type: text })
      expect(await heard()).toEqual([text])
    }
  })

  it.each(['once', 'name', 'asApplication', 'as.application', 'capacity', 'on', 'only', 'status', 'on.status'])(
    'is not found for the type %j',
    async (type) => {
      class Chat extends Member {
        static once() {
          return { text: 'once' }
        }
        static only() {
          return { text: 'only' }
        }
        static readonly onStatus = 'open'
        static onNote() {
          return { text: 'note' }
        }
      }
      const { tell, heard, layer } = await room(Chat.asApplication(), 1)
      await tell({ type })
      await tell({ type: 'note' })
      expect(await heard()).toEqual(['note'])
      expect(layer.stats().dropped.unhandled).toBe(1)
    },
  )

  it('cannot exist beside an instance method of the same name', () => {
    class Chat extends Member {
      static onNote() {
        return { text: '' }
      }
      onNote() {}
    }
    expect(() => Chat.asApplication()).toThrow(
      expect.objectContaining({
        code: 'ERR_BAD_OPTION',
        message: 'Chat has both onNote() and static onNote(): keep one of them.',
      }),
    )
  })

  it('counts against the capacity of a busy member', async () => {
    const slow = gate()
    class Chat extends Member {
      static override readonly capacity = 2
      static onCount({ n }: { n: number }) {
        return { text: String(n) }
      }
      override receive() {
        return slow.opened
      }
    }
    const { tell, members, layer } = await room(Chat.asApplication(), 1)
    members[0]!.sendTo('wait')
    await settled()
    for (const n of [1, 2, 3]) await tell({ type: 'count', n })
    expect(layer.stats().dropped.full).toBe(1)
    slow.open()
    expect([await members[0]!.receiveFrom(), await members[0]!.receiveFrom()]).toEqual(['1', '2'])
  })

  it('waits for a member above its high-water mark', async () => {
    const log: string[] = []
    const drained = gate()
    class Chat extends Member {
      static onNote({ text }: { text: string }) {
        return { text }
      }
    }
    const application = Chat.asApplication()
    const slow: typeof application = (scope, receive, send) =>
      application(scope, receive, (event) => {
        if (event.type !== 'websocket.send') return send(event)
        log.push(event.text!)
        void send(event)
        return drained.opened
      })
    const { tell, members } = await room(slow, 1)
    await tell({ type: 'note', text: 'first' })
    await tell({ type: 'note', text: 'second' })
    expect(log).toEqual(['first'])
    drained.open()
    await settled()
    expect(log).toEqual(['first', 'second'])
    expect([await members[0]!.receiveFrom(), await members[0]!.receiveFrom()]).toEqual(['first', 'second'])
  })
})

describe('a static handler that fails', () => {
  const failures = {
    throws: () => {
      throw new Error('broken')
    },
    rejects: () => Promise.reject(new Error('broken')),
    'throws later': async () => {
      await settled()
      throw new Error('broken')
    },
  }

  it.each(Object.entries(failures))(
    'closes every member with 1011 if it %s, and is reported once',
    async (_how, fail) => {
      const ends: number[] = []
      class Chat extends Member {
        static onNote(): Promise<never> {
          return fail()
        }
        override disconnect(code: number) {
          ends.push(code)
        }
      }
      const layer = new InMemoryChannelLayer()
      const logger = new RecordingLogger()
      const scope = { channelLayers: { default: layer }, logger }
      const members = [1, 2, 3].map(() => new WebSocketCommunicator(Chat.asApplication(), '/', { scope }))
      for (const member of members) await member.connect()
      await layer.groupSend('all', { type: 'note' })
      for (const member of members) expect(await member.receiveClose()).toEqual({ code: 1011, reason: '' })
      const outcomes = await Promise.allSettled(members.map((member) => member.wait()))
      const reasons = outcomes.filter(({ status }) => status === 'rejected')
      expect(reasons).toEqual([{ status: 'rejected', reason: new Error('broken') }])
      expect(ends).toEqual([1011, 1011, 1011])
      expect(layer.stats()).toMatchObject({ channels: 0, groups: 0 })
      expect(logger.complaints).toEqual([])
    },
  )

  it.each([
    ['text', 'hello' as never],
    ['a number of text', { text: 1 } as never],
    ['both', { text: '', bytes: new Uint8Array() } as never],
    ['an empty object', {} as never],
    ['null', null as never],
  ])('throws an error with the valid results if it returns %s', async (_what, returned) => {
    class Chat extends Member {
      static onNote(): TextOrBytes {
        return returned
      }
    }
    const scope = { channelLayers: { default: new InMemoryChannelLayer() } }
    const member = new WebSocketCommunicator(Chat.asApplication(), '/', { scope })
    await member.connect()
    await scope.channelLayers.default.groupSend('all', { type: 'note' })
    await expect(member.wait()).rejects.toMatchObject({
      code: 'ERR_BAD_EVENT',
      message: 'A static handler of Chat returned no message: return { text } or { bytes }.',
    })
  })

  it('ends every member without an error if it throws StopConsumer', async () => {
    class Chat extends Member {
      static onNote(): TextOrBytes {
        throw new StopConsumer()
      }
    }
    const scope = { channelLayers: { default: new InMemoryChannelLayer() } }
    const members = [1, 2].map(() => new WebSocketCommunicator(Chat.asApplication(), '/', { scope }))
    for (const member of members) await member.connect()
    await scope.channelLayers.default.groupSend('all', { type: 'note' })
    for (const member of members) {
      expect(await member.receiveClose()).toEqual({ code: 1000, reason: '' })
      await member.wait()
    }
  })

  it('rejects if its consumers cannot send messages', async () => {
    class Jobs extends Consumer {
      static onStart() {}
    }
    const scope = { asgi: asgiVersions, type: 'channel', channel: 'jobs' } as const
    const jobs = new ApplicationCommunicator<ChannelScope>(Jobs.asApplication(), scope)
    jobs.sendInput({ type: 'start' })
    await expect(jobs.wait()).rejects.toMatchObject({
      code: 'ERR_BAD_EVENT',
      message: 'Jobs cannot send the result of a static handler: only WebSocket consumers have static handlers.',
    })
  })
})

describe('a static handler on a real server', () => {
  it('answers all pending handshakes with 500 if it throws, and is reported once', async () => {
    class Waiting extends Member {
      override async connect() {}
      static onNote(): TextOrBytes {
        throw new Error('broken')
      }
    }
    const layer = new InMemoryChannelLayer()
    const application = defineApplication({
      channelLayers: { default: layer },
      websocket: originValidator(Waiting.asApplication(), ['*']),
    })
    const logger = new RecordingLogger()
    const server = await liveServer(application, { logger })
    onTestFinished(() => server.close())
    const answers = [1, 2, 3].map(async () => {
      const client = new WebSocket(server.webSocketUrl)
      const [request, response] = (await once(client, 'unexpected-response')) as [ClientRequest, IncomingMessage]
      request.destroy()
      return response.statusCode
    })
    await expect.poll(() => layer.stats().channels).toBe(3)
    await layer.groupSend('all', { type: 'note' })
    expect(await Promise.all(answers)).toEqual([500, 500, 500])
    await expect.poll(() => layer.stats().channels).toBe(0)
    expect(logger.errors).toEqual([new Error('broken')])
  })

  it.each([
    ['without compression', false as const],
    ['with compression', { thresholdBytes: 0 }],
  ])('sends text and bytes in order with other messages, %s', async (_how, compression) => {
    class Chat extends Member {
      static onText({ n }: { n: number }) {
        return { text: `text ${n}` }
      }
      static onBytes({ n }: { n: number }) {
        return { bytes: new Uint8Array(n % 2 === 0 ? 10 : 70_000).fill(n) }
      }
      onOwn({ n }: { n: number }) {
        return this.send({ text: `own ${n}` })
      }
    }
    const layer = new InMemoryChannelLayer()
    const application = defineApplication({
      channelLayers: { default: layer },
      websocket: originValidator(Chat.asApplication(), ['*']),
    })
    const server = await liveServer(application, { compression })
    onTestFinished(() => server.close())
    const clients = [1, 2, 3].map(() => new WebSocket(server.webSocketUrl))
    const got = clients.map((client) => {
      const texts: string[] = []
      client.on('message', (data: Buffer, isBinary) => {
        texts.push(isBinary ? `bytes ${data[0]} ${data.length}` : data.toString())
      })
      return texts
    })
    await Promise.all(clients.map((client) => once(client, 'open')))
    await expect.poll(() => layer.stats().channels).toBe(3)
    const sent = [0, 1, 2, 3, 4]
    for (const n of sent) {
      for (const type of ['text', 'own', 'bytes']) await layer.groupSend('all', { type, n })
    }
    const all = sent.flatMap((n) => [`text ${n}`, `own ${n}`, `bytes ${n} ${n % 2 === 0 ? 10 : 70_000}`])
    for (const texts of got) await expect.poll(() => texts).toEqual(all)
  })
})
