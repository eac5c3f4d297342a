import {
  inheritDirectSender,
  type Application,
  type Send,
  type WebSocketScope,
  type WebSocketSendEvent,
} from 'tideway/asgi'
import { WebSocketConsumer, type TextOrBytes } from 'tideway/consumer'
import { once } from 'node:events'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { directSenderOf, passesAllTo, setDirectSender, shortestSend } from '../../src/asgi/direct-sender.ts'
import { serving } from '../server/serving.ts'

class Echo extends WebSocketConsumer<object, object> {
  override async receive({ text = '' }: TextOrBytes): Promise<void> {
    await this.send({ text })
  }
}

/** A middleware that records the type of each event that passes its `send`. */
function recording(seen: string[], begin: (send: Send<WebSocketSendEvent>, inner: object) => void) {
  return (inner: Application<WebSocketScope>): Application<WebSocketScope> =>
    async (scope, receive, send) => {
      const recordingSend: Send<WebSocketSendEvent> = (event) => {
        seen.push(event.type)
        if (event.type === 'websocket.accept') begin(recordingSend, send)
        return send(event)
      }
      await inner(scope, receive, recordingSend)
    }
}

async function echoThrough(wrap: (inner: Application<WebSocketScope>) => Application<WebSocketScope>): Promise<void> {
  const server = await serving({ websocket: wrap(Echo.asApplication()) })
  const client = new WebSocket(server.webSocketUrl)
  await once(client, 'open')
  for (const text of ['one', 'two']) {
    client.send(text)
    const [data] = (await once(client, 'message')) as [Buffer]
    expect(data.toString()).toBe(text)
  }
}

describe('a middleware that wraps send', () => {
  it('keeps the direct path of messages with inheritDirectSender', async () => {
    const seen: string[] = []
    await echoThrough(recording(seen, inheritDirectSender))
    expect(seen).toEqual(['websocket.accept'])
  })

  it('sees every message without inheritDirectSender', async () => {
    const seen: string[] = []
    await echoThrough(recording(seen, () => {}))
    expect(seen).toEqual(['websocket.accept', 'websocket.send', 'websocket.send'])
  })

  it('sees every message if a wrapper inside it has no direct sender', async () => {
    const seen: string[] = []
    const inside = recording(seen, () => {})
    await echoThrough((inner) => recording([], inheritDirectSender)(inside(inner)))
    expect(seen).toEqual(['websocket.accept', 'websocket.send', 'websocket.send'])
  })
})

describe('a middleware that passes every event on', () => {
  it('is left out, with others outside of it', () => {
    const [server, outer, inner] = [() => {}, () => {}, () => {}]
    setDirectSender(server, { isOpen: true, sendMessage() {} })
    passesAllTo(outer, server)
    passesAllTo(inner, outer)
    expect(shortestSend(inner)).toBe(server)
    expect(directSenderOf(inner)).toBe(directSenderOf(server))
  })

  it('is called without a direct sender', () => {
    const [server, outer] = [() => {}, () => {}]
    passesAllTo(outer, server)
    expect(shortestSend(outer)).toBe(outer)
    expect(directSenderOf(outer)).toBeUndefined()
  })

  it('sees no event after the accept, and is not kept by the connection', async () => {
    setFlagsFromString('--expose-gc')
    const gc = runInNewContext('gc') as () => void
    const seen: string[] = []
    let passing!: WeakRef<object>
    // Not async: the frame of an async function would keep its variables.
    const through = (inner: Application<WebSocketScope>): Application<WebSocketScope> =>
      function pass(scope, receive, send) {
        const passingSend: Send<WebSocketSendEvent> = (event) => {
          seen.push(event.type)
          const sent = send(event)
          passesAllTo(passingSend, send)
          return sent
        }
        passing = new WeakRef(passingSend)
        return inner(scope, receive, passingSend)
      }
    class Closing extends WebSocketConsumer<object, object> {
      override async receive() {
        await this.close(4000)
      }
    }
    const server = await serving({ websocket: through(Closing.asApplication()) })
    const client = new WebSocket(server.webSocketUrl)
    await once(client, 'open')
    gc()
    expect(passing.deref()).toBeUndefined()
    client.send('close')
    expect(await once(client, 'close')).toEqual([4000, expect.anything()])
    expect(seen).toEqual(['websocket.accept'])
  })
})
