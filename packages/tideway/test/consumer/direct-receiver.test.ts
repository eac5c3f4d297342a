import { AsyncLocalStorage } from 'node:async_hooks'
import { once } from 'node:events'
import { defineApplication, InMemoryChannelLayer, WebSocketConsumer, type TextOrBytes } from 'tideway'
import type { Application, Receive, WebSocketReceiveEvent, WebSocketScope } from 'tideway/asgi'
import { originValidator } from 'tideway/security'
import { liveServer, type LiveServer } from 'tideway/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'

type ReceiveEvent = Receive<WebSocketReceiveEvent>

const layer = new InMemoryChannelLayer()

async function serving(websocket: Application<WebSocketScope>): Promise<LiveServer> {
  const checked = originValidator(websocket, ['*'])
  const server = await liveServer(defineApplication({ channelLayers: { default: layer }, websocket: checked }))
  onTestFinished(() => server.close())
  return server
}

async function connect(websocket: Application<WebSocketScope>): Promise<WebSocket> {
  const client = new WebSocket((await serving(websocket)).webSocketUrl)
  await once(client, 'open')
  return client
}

/** Records its events; a message `wait N` is handled for so many turns of the event loop. */
function recording(seen: string[], store?: AsyncLocalStorage<string>) {
  const note = (text: string): void => void seen.push(store === undefined ? text : `${text} ${store.getStore()}`)
  return class Recording extends WebSocketConsumer<{}, {}> {
    override readonly groups = ['recorded']

    override connect() {
      note('connect')
      return this.accept()
    }
    override async receive({ text }: TextOrBytes) {
      note(text!)
      for (let turns = Number(/^wait (\d+)/.exec(text!)?.[1] ?? 0); turns > 0; turns--) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      if (text === 'fail') throw new Error('asked to fail')
    }
    onNote() {
      note('onNote')
    }
    override disconnect(code: number) {
      note(`disconnect ${code}`)
    }
  }
}

describe('middleware that wraps receive()', () => {
  const ways: Record<string, (receive: ReceiveEvent, see: (event: WebSocketReceiveEvent) => void) => ReceiveEvent> = {
    'an async function': (receive, see) => async () => {
      const event = await receive()
      see(event)
      return event
    },
    'a proxy': (receive, see) =>
      new Proxy(receive, {
        apply(target, self) {
          return Promise.resolve(target.call(self as undefined)).then((event) => {
            see(event)
            return event
          })
        },
      }),
  }

  it.each(Object.keys(ways))('gets every event: %s', async (way) => {
    const [seen, handled]: [string[], string[]] = [[], []]
    const inner = recording(handled).asApplication()
    const client = await connect((scope, receive, send) =>
      inner(
        scope,
        ways[way]!(receive, (event) => seen.push(event.type)),
        send,
      ),
    )
    for (const text of ['a', 'b', 'c']) client.send(text)
    client.close(4000)
    await expect.poll(() => handled).toEqual(['connect', 'a', 'b', 'c', 'disconnect 4000'])
    expect(seen.map((type) => type.slice(10))).toEqual(['connect', 'receive', 'receive', 'receive', 'disconnect'])
  })
})

describe('a consumer behind the server itself', () => {
  it('handles the messages before a close in order, while handlers take long and while they do not', async () => {
    const handled: string[] = []
    const client = await connect(recording(handled).asApplication())
    const texts = Array.from({ length: 60 }, (_, n) => (n % 7 === 0 ? `wait ${n % 3}, ${n}` : String(n)))
    for (const text of texts) {
      client.send(text)
      if (text.endsWith('3')) await new Promise((resolve) => setImmediate(resolve))
    }
    client.close(4001)
    await expect.poll(() => handled.at(-1)).toBe('disconnect 4001')
    expect(handled).toEqual(['connect', ...texts, 'disconnect 4001'])
  })

  it('has the async context of its application in every handler, and no other connection has it', async () => {
    const store = new AsyncLocalStorage<string>()
    const handled: string[] = []
    const inner = recording(handled, store).asApplication()
    const { webSocketUrl } = await serving((scope, receive, send) =>
      store.run(scope.path, () => inner(scope, receive, send)),
    )
    const clients = ['one', 'two'].map((path) => new WebSocket(new URL(path, webSocketUrl)))
    await Promise.all(clients.map((client) => once(client, 'open')))
    for (const client of clients) client.send('text')
    await expect.poll(() => handled.length).toBe(4)
    await store.run('sender', () => layer.groupSend('recorded', { type: 'note' }))
    for (const client of clients) client.terminate()
    await expect.poll(() => handled.length).toBe(8)
    const expected = ['connect', 'text', 'onNote', 'disconnect 1006'].flatMap((text) => [
      `${text} /one`,
      `${text} /two`,
    ])
    expect(handled.toSorted()).toEqual(expected.toSorted())
  })

  it('gives its end and its error to middleware that awaits it', async () => {
    const handled: string[] = []
    const inner = recording(handled).asApplication()
    const ends: unknown[] = []
    const awaiting: Application<WebSocketScope> = async (scope, receive, send) => {
      try {
        await inner(scope, receive, send)
        ends.push('returned')
      } catch (error) {
        ends.push((error as Error).message)
        throw error
      }
    }
    const { webSocketUrl } = await serving(awaiting)
    for (const text of ['fine', 'fail']) {
      const client = new WebSocket(webSocketUrl)
      await once(client, 'open')
      client.send(text)
      if (text === 'fine') client.close(4002)
      const [code] = (await once(client, 'close')) as [number]
      expect(code).toBe(text === 'fine' ? 4002 : 1011)
    }
    await expect.poll(() => ends).toEqual(['returned', 'asked to fail'])
  })
})
