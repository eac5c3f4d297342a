import { describe, expect, it } from 'vitest'
import { fetch, WebSocket, type CloseEvent, type MessageEvent } from 'undici'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { accepting, echo } from '../applications.ts'
import { serving } from '../serving.ts'

/** The next event of a name. */
function next<T>(socket: WebSocket, name: 'open' | 'message' | 'close' | 'error'): Promise<T> {
  return new Promise((resolve) => socket.addEventListener(name, (event) => resolve(event as T), { once: true }))
}

describe.each([
  ['without compression', false],
  ['with compression', { thresholdBytes: 0 }],
] as const)('the WebSocket of undici, %s', (_name, compression) => {
  it('gets its messages of every size back, and closes with its code', async () => {
    const server = await serving({ websocket: echo }, { compression })
    const socket = new WebSocket(server.webSocketUrl)
    socket.binaryType = 'arraybuffer'
    await next(socket, 'open')
    expect(socket.extensions.includes('permessage-deflate')).toBe(compression !== false)
    for (const size of [0, 1, 125, 126, 65_535, 65_536, 1024 * 1024]) {
      const text = 'x'.repeat(size)
      socket.send(text)
      expect((await next<MessageEvent>(socket, 'message')).data === text).toBe(true)
      const bytes = Buffer.alloc(size, 'tide')
      socket.send(bytes)
      const { data } = await next<MessageEvent>(socket, 'message')
      expect(Buffer.from(data as ArrayBuffer).equals(bytes)).toBe(true)
    }
    socket.close(4000, 'räk')
    const { code, reason, wasClean } = await next<CloseEvent>(socket, 'close')
    // The answer to a close repeats its code, without the reason.
    expect([code, reason, wasClean]).toEqual([4000, '', true])
    expect(server.stats().webSockets.closed).toEqual({ 4000: 1 })
  })

  it('gets the close, the subprotocol and the refusal of the server', async () => {
    const closing = accepting(({ send }) => send({ type: 'websocket.close', code: 4001, reason: 'räk' }))
    const server = await serving(
      {
        websocket: (scope, receive, send) =>
          scope.path === '/denied/'
            ? Promise.resolve(send({ type: 'websocket.close' }))
            : closing(scope, receive, (event) =>
                send(event.type === 'websocket.accept' ? { ...event, subprotocol: 'v2' } : event),
              ),
      },
      { compression },
    )
    const socket = new WebSocket(server.webSocketUrl, ['v1', 'v2'])
    const closed = next<CloseEvent>(socket, 'close')
    await next(socket, 'open')
    expect(socket.protocol).toBe('v2')
    const { code, reason, wasClean } = await closed
    expect([code, reason, wasClean]).toEqual([4001, 'räk', true])
    const refused = new WebSocket(`${server.webSocketUrl}/denied/`)
    expect((await next<CloseEvent>(refused, 'close')).wasClean).toBe(false)
    expect(server.stats().handshakes.refused.byApplication).toBe(1)
  })
})

describe('the fetch of undici', () => {
  it('streams an upload and a download at the same time', async () => {
    const http: Application<HttpScope> = async (_scope, receive, send) => {
      await send({ type: 'http.response.start', status: 200 })
      for (;;) {
        const event = await receive()
        if (event.type !== 'http.request') return
        await send({ type: 'http.response.body', body: event.body, moreBody: event.moreBody })
        if (!event.moreBody) return
      }
    }
    const server = await serving({ http })
    const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>()
    const writer = writable.getWriter()
    const answering = fetch(server.url, { method: 'POST', body: readable, duplex: 'half' })
    const text = new TextEncoder()
    await writer.write(text.encode('one,'))
    await writer.write(text.encode('two'))
    await writer.close()
    expect(await (await answering).text()).toBe('one,two')
  })
})
