import { Hono } from 'hono'
import { streamSSE } from 'hono/streaming'
import { describe, expect, it } from 'vitest'
import { fetchHandler, type FetchHandler } from '../../../src/server/http/fetch-handler.ts'
import { RawClient } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'

async function answering(handler: FetchHandler): Promise<ServerUnderTest> {
  return serving({ http: fetchHandler(handler) })
}

/** A promise and the function that resolves it. */
function pending<T>(): { promise: Promise<T>; resolve: (value: T) => void } {
  let resolve!: (value: T) => void
  const promise = new Promise<T>((settle) => {
    resolve = settle
  })
  return { promise, resolve }
}

describe('fetchHandler() of Hono', () => {
  const app = new Hono()
    .get('/hello/:name', (context) => context.text(`hello ${context.req.param('name')}`))
    .post('/json', async (context) => context.json({ got: (await context.req.json()) as unknown }, 201))
    .get('/cookies', (context) => {
      context.header('Set-Cookie', 'a=1', { append: true })
      context.header('Set-Cookie', 'b=2', { append: true })
      return context.body(null, 204)
    })
    .get('/events', (context) =>
      streamSSE(context, async (stream) => {
        for (let i = 0; i < 3; i++) await stream.writeSSE({ data: String(i) })
      }),
    )

  it('answers requests', async () => {
    const { url, log } = await answering((request) => app.fetch(request))
    const hello = await fetch(`${url}/hello/world`)
    expect(await hello.text()).toBe('hello world')
    expect(hello.headers.get('content-length')).toBe('11')
    const json = await fetch(`${url}/json`, { method: 'POST', body: '{"a":[1]}' })
    expect([json.status, await json.json()]).toEqual([201, { got: { a: [1] } }])
    expect((await fetch(`${url}/cookies`)).headers.getSetCookie()).toEqual(['a=1', 'b=2'])
    expect(await (await fetch(`${url}/events`)).text()).toBe('data: 0\n\ndata: 1\n\ndata: 2\n\n')
    expect((await fetch(`${url}/nowhere`)).status).toBe(404)
    expect((await fetch(`${url}/hello/head`, { method: 'HEAD' })).status).toBe(200)
    expect(log).toEqual([])
  })
})

describe('the request of a fetch handler', () => {
  it('has the URL, the method and the headers', async () => {
    const server = await answering((request) =>
      Response.json([request.method, request.url, request.headers.get('x-name'), request.headers.get('x-twice')]),
    )
    const client = await RawClient.connect(server.port)
    client.write(
      'PATCH //caf%C3%A9/?a=%20 HTTP/1.1\r\nHost: example.com:81\r\nX-Name: caf\u00e9\r\nX-Twice: 1\r\nX-Twice: 2\r\nConnection: close\r\n\r\n',
    )
    const { body } = await client.response()
    expect(JSON.parse(body)).toEqual(['PATCH', 'http://example.com:81//caf%C3%A9/?a=%20', 'caf\u00c3\u00a9', '1, 2'])
  })

  it.each([
    ['a Host that is not a host', 'GET / HTTP/1.1\r\nHost: a b', 400],
    ['a Host with a user', 'GET / HTTP/1.1\r\nHost: user:password@example.com', 400],
    ['a Host with a path', 'GET / HTTP/1.1\r\nHost: example.com/path', 400],
    ['a Host with a bad port', 'GET / HTTP/1.1\r\nHost: example.com:99999', 400],
    ['a method that a Request cannot have', 'TRACE / HTTP/1.1\r\nHost: localhost', 400],
  ])('is not made of %s, without an error line', async (_what, head, status) => {
    let calls = 0
    const server = await answering(() => {
      calls++
      return new Response()
    })
    const client = await RawClient.connect(server.port)
    client.write(`${head}\r\nConnection: close\r\n\r\n`)
    expect((await client.response()).status).toBe(status)
    expect(calls).toBe(0)
    expect(server.log.filter(({ level }) => level !== 'debug')).toEqual([])
  })

  it('streams its body', async () => {
    const seen: string[] = []
    const server = await answering(async (request) => {
      for await (const piece of request.body!) seen.push(Buffer.from(piece).toString())
      return new Response(seen.join('+'))
    })
    const client = await RawClient.connect(server.port)
    client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\nConnection: close\r\n\r\none')
    await eventually(() => seen).toEqual(['one'])
    client.write('two')
    expect((await client.response()).body).toBe('one+two')
  })

  it('can be answered with its own body while both stream', async () => {
    const server = await answering((request) => new Response(request.body))
    const client = await RawClient.connect(server.port)
    client.write('POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n')
    await client.head()
    expect((await client.bytes(8)).toString()).toBe('3\r\none\r\n')
    client.write('3\r\ntwo\r\n')
    expect((await client.bytes(8)).toString()).toBe('3\r\ntwo\r\n')
    client.write('0\r\n\r\n')
    expect((await client.bytes(5)).toString()).toBe('0\r\n\r\n')
    client.socket.destroy()
  })

  it('fails a pending read of its body when the client disconnects', async () => {
    const failed = pending<unknown>()
    const server = await answering(async (request) => {
      await request.text().catch(failed.resolve)
      return new Response()
    })
    const client = await RawClient.connect(server.port)
    client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf')
    client.socket.end()
    expect(await failed.promise).toMatchObject({ name: 'AbortError' })
    expect(server.log).toEqual([])
  })

  it.each(['GET', 'POST'])('has a signal that aborts when the client of a %s disconnects', async (method) => {
    const reached = pending<void>()
    const aborted = pending<unknown>()
    const server = await answering((request) => {
      reached.resolve()
      return new Promise((_resolve, reject) => {
        request.signal.addEventListener('abort', () => {
          aborted.resolve(request.signal.reason)
          reject(request.signal.reason as Error)
        })
      })
    })
    const client = await RawClient.connect(server.port)
    client.write(`${method} / HTTP/1.1\r\nHost: localhost\r\n${method === 'POST' ? 'Content-Length: 3\r\n' : ''}\r\n`)
    await reached.promise
    client.socket.destroy()
    expect(await aborted.promise).toMatchObject({ name: 'AbortError' })
    // The handler rejects with the reason of its signal, which is not an error.
    await new Promise((resolve) => setImmediate(resolve))
    expect(server.log).toEqual([])
  })

  it('has a signal that does not abort after a complete response', async () => {
    let signal: AbortSignal | undefined
    const server = await answering((request) => {
      ;({ signal } = request)
      return new Response('ok')
    })
    await (await fetch(server.url)).text()
    await (await fetch(server.url)).text()
    expect(signal?.aborted).toBe(false)
  })
})

describe('the response of a fetch handler', () => {
  it('has its length if it is one piece or empty', async () => {
    const server = await answering(({ url }) => new Response(url.endsWith('empty') ? null : 'gr\u00fcn'))
    const one = await fetch(server.url)
    expect([one.headers.get('content-length'), await one.text()]).toEqual(['5', 'gr\u00fcn'])
    const none = await fetch(`${server.url}/empty`)
    expect([none.headers.get('content-length'), await none.text()]).toEqual(['0', ''])
  })

  it('is sent piece by piece', async () => {
    let controller!: ReadableStreamDefaultController<Uint8Array>
    const body = new ReadableStream<Uint8Array>({
      start(started) {
        controller = started
      },
    })
    const server = await answering(() => new Response(body))
    const client = await RawClient.connect(server.port)
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    for (const piece of ['one', 'two']) {
      controller.enqueue(Buffer.from(piece))
      if (piece === 'one') await client.head()
      expect((await client.bytes(8)).toString()).toBe(`3\r\n${piece}\r\n`)
    }
    controller.close()
    expect((await client.bytes(5)).toString()).toBe('0\r\n\r\n')
    client.socket.destroy()
  })

  it('is cancelled when the client disconnects, even without a pending send', async () => {
    const cancelled = pending<void>()
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('first')),
      cancel: () => cancelled.resolve(),
    })
    const server = await answering(() => new Response(body))
    const client = await RawClient.connect(server.port)
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.head()
    client.socket.destroy()
    await cancelled.promise
    expect(server.log).toEqual([])
  })

  it('is pulled no faster than the client reads', async () => {
    let pulled = 0
    const cancelled = pending<void>()
    const body = new ReadableStream<Uint8Array>(
      {
        pull(controller) {
          pulled++
          controller.enqueue(Buffer.alloc(1024 * 1024))
        },
        cancel: () => cancelled.resolve(),
      },
      { highWaterMark: 0 },
    )
    const server = await answering(() => new Response(body))
    const client = await RawClient.connect(server.port)
    client.socket.pause()
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await eventually(() => pulled).toBeGreaterThan(1)
    for (let i = 0; i < 10; i++) await fetch(server.url, { method: 'HEAD' })
    expect(pulled).toBeLessThan(60)
    client.socket.destroy()
    await cancelled.promise
  })

  it('has no body for HEAD, and the body is not read', async () => {
    const cancelled = pending<void>()
    const server = await answering(() => new Response(new ReadableStream({ cancel: () => cancelled.resolve() })))
    expect((await fetch(server.url, { method: 'HEAD' })).status).toBe(200)
    await cancelled.promise
  })

  it('becomes 500 if it fails before its first piece, and destroys the connection if it fails later', async () => {
    const failing = (pieces: number): Response => {
      let sent = 0
      return new Response(
        new ReadableStream({
          async pull(controller) {
            await new Promise((resolve) => setTimeout(resolve, 1))
            if (sent++ === pieces) throw new Error('no more')
            controller.enqueue(Buffer.from('piece'))
          },
        }),
      )
    }
    const server = await answering(({ url }) => failing(url.endsWith('some') ? 2 : 0))
    expect((await fetch(server.url)).status).toBe(500)
    const half = await fetch(`${server.url}/some`)
    expect(half.status).toBe(200)
    await expect(half.text()).rejects.toThrow('terminated')
    expect(server.log).toMatchObject([{ details: { err: { message: 'no more' } } }, { level: 'error' }])
  })

  it.each<[string, () => unknown]>([
    ['throws', () => Promise.reject(new Error('no'))],
    ['returns nothing', () => undefined],
    ['returns Response.error()', () => Response.error()],
  ])('is 500 if the handler %s', async (_what, handler) => {
    const server = await answering(handler as FetchHandler)
    expect((await fetch(server.url)).status).toBe(500)
    expect(server.log).toMatchObject([{ level: 'error' }])
  })
})
