import { describe, expect, it } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpReceiveEvent } from '../../../src/asgi/http-events.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { RawClient } from '../raw-client.ts'
import { eventually, serving } from '../serving.ts'

type App = Application<HttpScope>

const DISCONNECT = { type: 'http.disconnect' }

/** An application that calls this function and then responds with 200. */
function answering(first: (scope: HttpScope, receive: () => Promise<HttpReceiveEvent>) => Promise<unknown>): App {
  return async (scope, receive, send) => {
    const result = await first(scope, async () => receive())
    await send({ type: 'http.response.start', status: 200 })
    await send({ type: 'http.response.body', body: JSON.stringify(result ?? null) })
  }
}

/** Reads the body to its end, as text and as the number of its pieces. */
async function readBody(receive: () => Promise<HttpReceiveEvent>): Promise<{ text: string; pieces: number }> {
  const pieces: Uint8Array[] = []
  for (;;) {
    const event = await receive()
    if (event.type === 'http.disconnect') throw new Error('disconnected')
    pieces.push(event.body)
    if (!event.moreBody) return { text: Buffer.concat(pieces).toString(), pieces: pieces.length }
  }
}

describe('the scope of a request', () => {
  it('has every key of ASGI', async () => {
    const http = answering(async ({ headers, ...scope }) => ({
      ...scope,
      extensions: undefined,
      logger: undefined,
      twice: headers.getAll('x-twice'),
    }))
    const server = await serving({ http }, { rootPath: '/app' })
    const client = await RawClient.connect(server.port)
    client.write(
      'PUT /caf%C3%A9%2F/?a=1&b=%20? HTTP/1.1\r\nHost: localhost\r\nX-Twice: 1\r\nx-twice: 2\r\nConnection: close\r\n\r\n',
    )
    expect(JSON.parse((await client.response()).body)).toMatchObject({
      type: 'http',
      asgi: { version: '3.0', specVersion: '2.5' },
      httpVersion: '1.1',
      method: 'PUT',
      scheme: 'http',
      path: '/café//',
      rawPath: '/caf%C3%A9%2F/',
      queryString: 'a=1&b=%20?',
      rootPath: '/app',
      client: { host: '127.0.0.1' },
      server: { host: '127.0.0.1', port: server.port },
      twice: ['1', '2'],
    })
  })

  it('is not made of a path that cannot be decoded: 400', async () => {
    const server = await serving({ http: answering(async () => 'called') })
    for (const target of ['/%ff', '/%zz', '/\u00e9']) {
      const client = await RawClient.connect(server.port)
      client.write(Buffer.from(`GET ${target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`, 'latin1'))
      expect((await client.response()).status).toBe(400)
    }
  })

  it('has the path of an absolute target (RFC 9112 §3.2.2)', async () => {
    const server = await serving({ http: answering(async ({ path, queryString }) => [path, queryString]) })
    const client = await RawClient.connect(server.port)
    client.write('GET http://localhost?a=1 HTTP/1.1\r\nHost: LOCALHOST\r\nConnection: close\r\n\r\n')
    expect(await client.response()).toMatchObject({ status: 200, body: '["/","a=1"]' })
  })
})

describe('the body of a request', () => {
  it('is one empty event without a body', async () => {
    const server = await serving({ http: answering((_scope, receive) => readBody(receive)) })
    expect(await (await fetch(server.url)).json()).toEqual({ text: '', pieces: 1 })
  })

  it.each([
    ['Content-Length', { body: 'hello' }],
    ['chunks', { body: new Blob(['hello']).stream(), duplex: 'half' }],
  ])('comes by %s', async (_how, body) => {
    const server = await serving({ http: answering((_scope, receive) => readBody(receive)) })
    const response = await fetch(server.url, { method: 'POST', ...body } as RequestInit)
    expect(await response.json()).toMatchObject({ text: 'hello' })
  })

  it('arrives piece by piece, before the client has sent all', async () => {
    const seen: string[] = []
    const http = answering(async (_scope, receive) => {
      for (;;) {
        const event = await receive()
        if (event.type !== 'http.request' || !event.moreBody) return
        seen.push(Buffer.from(event.body).toString())
      }
    })
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 6\r\n\r\none')
    await eventually(() => seen).toEqual(['one'])
    client.write('two')
    expect((await client.head()).status).toBe(200)
    expect(seen).toEqual(['one', 'two'])
    client.socket.destroy()
  })

  it('is not read before receive(), so that a client cannot fill the memory', async () => {
    let release!: () => void
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const http = answering(async (_scope, receive) => {
      await held
      return (await readBody(receive)).text.length
    })
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    const size = 32 * 1024 * 1024
    client.write(`POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${size}\r\n\r\n`)
    let written = 0
    for (let i = 0; i < 32; i++) client.socket.write(Buffer.alloc(1024 * 1024, 'x'), () => written++)
    // Gives the server enough time to read more than it should.
    for (let i = 0; i < 20; i++)
      await fetch(server.url, { method: 'HEAD', signal: AbortSignal.timeout(5) }).catch(() => {})
    expect(written).toBeLessThan(32)
    release()
    expect(await client.head()).toMatchObject({ status: 200 })
    expect((await client.bytes(8)).toString()).toBe(String(size))
    client.socket.destroy()
  })

  it('does not affect the next request of the connection if the application did not read it', async () => {
    const http: App = async (scope, receive, send) => {
      if (scope.path === '/partly') await receive()
      await send({ type: 'http.response.start', status: 200, headers: { 'Content-Length': '2' } })
      await send({ type: 'http.response.body', body: 'ok' })
    }
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    const body = Buffer.alloc(300_000, 'x')
    for (const path of ['/not-at-all', '/partly', '/not-at-all', '/partly']) {
      client.write(`POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: ${body.length}\r\n\r\n`)
      client.write(body)
      expect(await client.head()).toMatchObject({ status: 200, headers: { connection: 'keep-alive' } })
      expect((await client.bytes(2)).toString()).toBe('ok')
    }
    client.socket.destroy()
  })
})

describe('http.disconnect', () => {
  it('arrives after the response is sent', async () => {
    const seen: unknown[] = []
    const http: App = async (_scope, receive, send) => {
      await send({ type: 'http.response.start', status: 200 })
      await send({ type: 'http.response.body' })
      seen.push(await receive(), await receive())
    }
    const server = await serving({ http })
    await fetch(server.url)
    await eventually(() => seen).toEqual([DISCONNECT, DISCONNECT])
  })

  it('arrives when the client disconnects', async () => {
    const seen: unknown[] = []
    const http: App = async (_scope, receive) => {
      for (let i = 0; i < 2; i++) seen.push(await receive())
    }
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await eventually(() => seen.length).toBe(1)
    client.socket.destroy()
    await eventually(() => seen[1]).toEqual(DISCONNECT)
    // The application returns without a response after the client has disconnected.
    expect(server.log).toEqual([])
  })

  it('arrives instead of the rest of an incomplete body', async () => {
    const seen: unknown[] = []
    const http: App = async (_scope, receive) => {
      for (let i = 0; i < 3; i++) seen.push(await receive())
    }
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nfive!')
    await eventually(() => seen.length).toBe(1)
    client.reset()
    await eventually(() => seen.slice(1)).toEqual([DISCONNECT, DISCONNECT])
    expect(server.log).toEqual([])
  })
})
