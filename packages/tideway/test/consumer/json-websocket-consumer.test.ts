import { JsonWebSocketConsumer, type TextOrBytes } from 'tideway'
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
