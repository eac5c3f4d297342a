import { JsonWebSocketConsumer, type TextOrBytes } from 'tideway'
import type { Application, WebSocketScope } from 'tideway/asgi'
import { WebSocketCommunicator } from 'tideway/testing'
import { describe, expect, it } from 'vitest'

class JsonEcho extends JsonWebSocketConsumer {
  override receiveJson(content: unknown) {
    return this.sendJson(content)
  }
}

describe('JsonWebSocketConsumer', () => {
  it.each([[{ hello: 'world' }], [[1, 'two', null]], ['text'], [0], [null], [false]])('echoes %j', async (content) => {
    const socket = new WebSocketCommunicator(JsonEcho.asApplication(), '/')
    await socket.connect()
    socket.sendJsonTo(content)
    expect(await socket.receiveJsonFrom()).toEqual(content)
    await socket.disconnect()
  })

  it.each([
    ['bytes', new Uint8Array([1]), 1003, 'JSON text expected'],
    ['empty bytes', new Uint8Array(), 1003, 'JSON text expected'],
    ['text that is no JSON', '{"a":', 1007, 'invalid JSON'],
    ['empty text', '', 1007, 'invalid JSON'],
  ])('closes without an error after %s', async (_what, message, code, reason) => {
    const socket = new WebSocketCommunicator(JsonEcho.asApplication(), '/')
    await socket.connect()
    socket.sendTo(message)
    expect(await socket.receiveClose()).toEqual({ code, reason })
    await socket.wait()
  })

  it('passes a message that is not JSON to receiveInvalid(), with the error', async () => {
    const invalid: unknown[] = []
    class Tolerant extends JsonEcho {
      override receiveInvalid(message: TextOrBytes, error: unknown) {
        invalid.push([message.text ?? message.bytes, error instanceof SyntaxError])
        return this.sendJson({ error: 'say that again' })
      }
    }
    const socket = new WebSocketCommunicator(Tolerant.asApplication(), '/')
    await socket.connect()
    socket.sendTo('{')
    expect(await socket.receiveJsonFrom()).toEqual({ error: 'say that again' })
    socket.sendTo(new Uint8Array([7]))
    expect(await socket.receiveJsonFrom()).toEqual({ error: 'say that again' })
    socket.sendJsonTo('fine')
    expect(await socket.receiveJsonFrom()).toBe('fine')
    await socket.disconnect()
    expect(invalid).toEqual([
      ['{', true],
      [new Uint8Array([7]), false],
    ])
  })

  it('uses encodeJson() and decodeJson() of its class', async () => {
    class WithDates extends JsonEcho {
      override encodeJson(content: unknown) {
        return JSON.stringify({ wrapped: content })
      }
      override decodeJson(text: string) {
        if (text === 'bad') throw new RangeError('no')
        return text.toUpperCase()
      }
    }
    const socket = new WebSocketCommunicator(WithDates.asApplication(), '/')
    await socket.connect()
    socket.sendTo('hello')
    expect(await socket.receiveFrom()).toBe('{"wrapped":"HELLO"}')
    socket.sendTo('bad')
    expect(await socket.receiveClose()).toMatchObject({ code: 1007 })
    await socket.disconnect()
  })

  it('treats an error of receiveJson() as a failure and not as invalid JSON', async () => {
    class Failing extends JsonWebSocketConsumer {
      override receiveJson(): never {
        throw new SyntaxError('a bug of mine')
      }
    }
    const socket = new WebSocketCommunicator(Failing.asApplication(), '/')
    await socket.connect()
    socket.sendJsonTo(1)
    expect(await socket.receiveClose()).toEqual({ code: 1011, reason: '' })
    await expect(socket.wait()).rejects.toThrow('a bug of mine')
  })
})

describe('sendJson() of a frozen content', () => {
  /** The texts and the event objects of calls of `sendJson` with the same content. */
  async function send(content: unknown, between: () => void = () => {}, type = JsonEcho) {
    const events: object[] = []
    class Sender extends type {
      override async connect() {
        await this.accept()
        for (let call = 0; call < 3; call++) {
          await this.sendJson(content)
          between()
        }
      }
    }
    const application = Sender.asApplication() as unknown as Application<WebSocketScope>
    const socket = new WebSocketCommunicator(
      (scope, receive, send) =>
        application(scope, receive, (event) => {
          if (event.type === 'websocket.send') events.push(event)
          return send(event)
        }),
      '/',
    )
    await socket.connect()
    const texts: string[] = []
    for (let call = 0; call < 3; call++) texts.push((await socket.receiveFrom()) as string)
    await socket.disconnect()
    return { texts, events }
  }

  it.each([
    ['an event', Object.freeze({ type: 'chat.message', text: 'hi', tags: Object.freeze(['a', null, 1]) })],
    ['an array', Object.freeze([1, Object.freeze({ a: 'b' })])],
    ['an object without a prototype', Object.freeze(Object.assign(Object.create(null) as object, { a: 1 }))],
  ])('encodes %s once from the second call on', async (_name, content) => {
    const { texts, events } = await send(content)
    expect(texts).toEqual(Array.from({ length: 3 }, () => JSON.stringify(content)))
    expect(new Set(events).size).toBe(2)
    expect(events[1]).toBe(events[2])
    // Another connection, later.
    expect((await send(Object.freeze({ other: true }))).texts).toEqual(
      Array.from({ length: 3 }, () => '{"other":true}'),
    )
    expect((await send(content)).events).toEqual([events[1], events[1], events[1]])
  })

  const inner = { n: 0 }
  const date = Object.freeze(new Date(0))
  let n = 0
  it.each<[string, unknown, () => void]>([
    ['a part that is not frozen', Object.freeze({ inner }), () => inner.n++],
    ['a date', Object.freeze({ date }), () => date.setTime(date.getTime() + 1)],
    ['a getter', Object.freeze(Object.defineProperty({}, 'n', { enumerable: true, get: () => n })), () => n++],
    ['toJSON()', Object.freeze({ toJSON: () => ({ n }) }), () => n++],
  ])('encodes a content with %s at each call', async (_name, content, between) => {
    const { texts, events } = await send(content, between)
    expect(new Set(events).size).toBe(3)
    expect(new Set(texts).size).toBe(3)
  })

  it('calls an encodeJson() and a send() of the class', async () => {
    let sent = 0
    class Encoder extends JsonEcho {
      override encodeJson() {
        return 'encoded'
      }
    }
    class Counter extends JsonEcho {
      override send(message: TextOrBytes) {
        sent++
        return super.send(message)
      }
    }
    const content = Object.freeze({ n: 1 })
    expect((await send(content, undefined, Encoder)).texts).toEqual(['encoded', 'encoded', 'encoded'])
    await send(content, undefined, Counter)
    expect(sent).toBe(3)
  })
})
