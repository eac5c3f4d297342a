import { once } from 'node:events'
import { defineApplication, InMemoryChannelLayer, WebSocketConsumer, type TextOrBytes } from 'tideway'
import type { Application, Send, WebSocketScope, WebSocketSendEvent } from 'tideway/asgi'
import { sessionMiddlewareStack } from 'tideway/auth'
import { originValidator } from 'tideway/security'
import { liveServer } from 'tideway/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'

type SendEvent = Send<WebSocketSendEvent>

/** Answers by itself, and to all by a static handler. */
class Chat extends WebSocketConsumer<{}, {}> {
  override readonly groups = ['all']

  override async receive({ text }: TextOrBytes) {
    await this.send({ text: `own ${text}` })
    await this.channelLayer.groupSend('all', { type: 'chat.message', text })
  }

  static onChatMessage({ text }: { text: string }) {
    return { text: `all ${text}` }
  }
}

/** A client of a server with this application, and the texts that it has heard. */
async function connect(websocket: Application<WebSocketScope>) {
  const layer = new InMemoryChannelLayer()
  const channelLayers = { default: layer }
  const server = await liveServer(defineApplication({ channelLayers, websocket: originValidator(websocket, ['*']) }))
  onTestFinished(() => server.close())
  const client = new WebSocket(server.webSocketUrl)
  const heard: string[] = []
  client.on('message', (data: Buffer) => heard.push(data.toString()))
  await once(client, 'open')
  return { client, heard, layer }
}

describe('middleware that wraps send()', () => {
  const ways: Record<string, (send: SendEvent, see: (event: WebSocketSendEvent) => void) => SendEvent> = {
    'a function': (send, see) => (event) => {
      see(event)
      return send(event)
    },
    'a function that was given the properties of the other': (send, see) =>
      Object.assign((event: WebSocketSendEvent) => {
        see(event)
        return send(event)
      }, send),
    'a proxy': (send, see) =>
      new Proxy(send, {
        apply(target, self, args: [WebSocketSendEvent]) {
          see(args[0])
          return target.call(self as undefined, ...args)
        },
      }),
  }

  it.each(Object.keys(ways))('gets every message: %s', async (way) => {
    const seen: unknown[] = []
    const see = (event: WebSocketSendEvent): void => {
      if (event.type === 'websocket.send') seen.push(event.text)
    }
    const chat = Chat.asApplication()
    const watched: Application<WebSocketScope> = (scope, receive, send) => chat(scope, receive, ways[way]!(send, see))
    for (const inner of [watched, sessionMiddlewareStack(watched)]) {
      seen.length = 0
      const { client, heard } = await connect(inner)
      for (const text of ['1', '2']) client.send(text)
      await expect.poll(() => heard.toSorted()).toEqual(['all 1', 'all 2', 'own 1', 'own 2'])
      expect(seen).toEqual(heard)
    }
  })

  it('is not bypassed by a consumer with its own sendEvent()', async () => {
    const seen: unknown[] = []
    class Counting extends Chat {
      protected override sendEvent(event: WebSocketSendEvent): void | Promise<void> {
        if (event.type === 'websocket.send') seen.push(event.text)
        return super.sendEvent(event)
      }
    }
    const { client, heard } = await connect(Counting.asApplication())
    client.send('1')
    await expect.poll(() => heard).toEqual(['own 1', 'all 1'])
    expect(seen).toEqual(heard)
  })
})

it('sends no message of a consumer before those that wait in its middleware', async () => {
  // More than the buffers of two sockets hold: what is sent behind the accept waits until the client reads.
  const large = 'x'.repeat(1 << 20)
  const names = Array.from({ length: 40 }, (_, i) => String(i))
  class Talking extends Chat {
    override connect() {
      void this.accept()
      for (const name of names) void this.send({ text: name.padEnd(large.length, large) })
    }
  }
  // With `rolling` the session is asked to live longer before the accept goes out.
  const { client, heard, layer } = await connect(sessionMiddlewareStack(Talking.asApplication(), { rolling: true }))
  client.pause()
  await layer.groupSend('all', { type: 'chat.message', text: 'last' })
  client.resume()
  await expect.poll(() => heard.length, { timeout: 20_000 }).toBe(names.length + 1)
  expect(heard.map((text) => text.replace(/x+$/, ''))).toEqual([...names, 'all last'])
})
