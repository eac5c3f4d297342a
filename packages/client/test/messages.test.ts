import { describe, expect, it, vi } from 'vitest'
import { virtualClient } from './virtual-client.ts'

describe('The messages of the client', () => {
  it('emits an error for invalid JSON and delivers later messages', async () => {
    const { sockets, errors, messages, open } = await virtualClient()
    await open()
    for (const text of ['{"half":', '', 'hello', 'NaN']) sockets.last.receive(text)
    sockets.last.receive({ fine: true })
    expect(errors.map(({ code }) => code)).toEqual(Array.from({ length: 4 }, () => 'ERR_BAD_MESSAGE'))
    expect(messages).toEqual([{ fine: true }])
  })

  it('emits an error for a binary message without a decode option', async () => {
    const { sockets, errors, messages, open } = await virtualClient()
    await open()
    sockets.last.receive(new ArrayBuffer(3))
    expect([errors[0]?.code, messages.length]).toEqual(['ERR_BAD_MESSAGE', 0])
  })

  it('drops a message above maxMessageBytes with an error and delivers one of exactly that size', async () => {
    const { sockets, errors, messages, open } = await virtualClient({ maxMessageBytes: 10, decode: (data) => data })
    await open()
    sockets.last.receive('x'.repeat(10))
    sockets.last.receive('x'.repeat(11))
    sockets.last.receive(new ArrayBuffer(11))
    expect(messages).toEqual(['x'.repeat(10)])
    expect(errors.map(({ code }) => code)).toEqual(['ERR_MESSAGE_TOO_LARGE', 'ERR_MESSAGE_TOO_LARGE'])
  })

  it('emits an error with its cause if decode throws', async () => {
    const { sockets, errors, messages, open } = await virtualClient({
      decode: (data) => {
        const message = JSON.parse(data as string) as { type: string }
        if (message.type !== 'chat') throw new TypeError(`unknown type ${message.type}`)
        return message
      },
    })
    await open()
    sockets.last.receive({ type: 'mystery' })
    sockets.last.receive({ type: 'chat' })
    expect(errors[0]).toMatchObject({
      message: 'TypeError: unknown type mystery',
      cause: expect.any(TypeError) as TypeError,
    })
    expect(messages).toEqual([{ type: 'chat' }])
  })

  it('throws for a message that cannot be encoded, and sends nothing', async () => {
    const { client, sockets, open } = await virtualClient()
    await open()
    const circular: { self?: unknown } = {}
    circular.self = circular
    for (const message of [circular, 1n, undefined, () => {}])
      expect(() => client.send(message)).toThrow(expect.objectContaining({ code: 'ERR_BAD_MESSAGE' }) as Error)
    await expect(client.request({ n: 1n })).rejects.toMatchObject({ code: 'ERR_BAD_MESSAGE' })
    expect(sockets.last.sent).toEqual([])
  })

  it('reports the error of a listener as uncaught and calls the other listeners', async () => {
    const { client, sockets, open, pass, messages } = await virtualClient()
    const reported: unknown[] = []
    const queueMicrotask = vi.spyOn(globalThis, 'queueMicrotask').mockImplementation((callback) => {
      try {
        callback()
      } catch (error) {
        reported.push(error)
      }
    })
    client.on('message', () => {
      throw new Error('a bug of the page')
    })
    const second: unknown[] = []
    client.on('message', (message) => second.push(message))
    await open()
    sockets.last.receive(1)
    sockets.last.receive(2)
    await pass(0)
    queueMicrotask.mockRestore()
    expect([messages, second, reported.length, client.state.status]).toEqual([[1, 2], [1, 2], 2, 'open'])
  })

  it('calls a listener until it is removed, and removes a listener that was added twice one at a time', async () => {
    const { client, sockets, open } = await virtualClient()
    await open()
    const heard: unknown[] = []
    const listener = (message: unknown): unknown => heard.push(message)
    const off = client.on('message', listener)
    client.on('message', listener)
    sockets.last.receive(['both'])
    off()
    off()
    sockets.last.receive(['one'])
    expect(heard).toEqual([['both'], ['both'], ['one']])
  })

  it('iterates with for await over the messages of all connections in order, until the client closes', async () => {
    const { client, sockets, open, pass } = await virtualClient()
    const seen: unknown[] = []
    const loop = (async () => {
      for await (const message of client) seen.push(message)
    })()
    await open()
    sockets.last.receive(1)
    sockets.last.receive(2)
    sockets.last.end()
    await pass(2_000)
    await open()
    sockets.last.receive(3)
    client.close()
    await loop
    expect(seen).toEqual([1, 2, 3])
  })

  it('removes the listeners of a for await loop that ends early', async () => {
    const { client, sockets, open, errors } = await virtualClient({ maxUnreadMessages: 2 })
    await open()
    const loop = (async () => {
      for await (const message of client) return message
      return undefined
    })()
    sockets.last.receive({ first: true })
    await expect(loop).resolves.toEqual({ first: true })
    for (let n = 0; n < 10; n++) sockets.last.receive(n)
    expect(errors).toEqual([])
  })

  it('keeps the newest maxUnreadMessages for a slow for await loop, with an error for each dropped message', async () => {
    const { client, sockets, open, errors } = await virtualClient({ maxUnreadMessages: 3 })
    await open()
    const messages = client[Symbol.asyncIterator]()
    const first = messages.next()
    for (let n = 0; n <= 5; n++) sockets.last.receive(n)
    client.close()
    const rest: unknown[] = [(await first).value]
    for (let next = await messages.next(); !next.done; next = await messages.next()) rest.push(next.value)
    expect(rest).toEqual([3, 4, 5])
    expect(errors.map(({ code }) => code)).toEqual(['ERR_SLOW_READER', 'ERR_SLOW_READER', 'ERR_SLOW_READER'])
  })
})
