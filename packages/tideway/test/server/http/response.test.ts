import { describe, expect, it, onTestFinished } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import { HeaderList, type HeadersInit } from '../../../src/asgi/headers.ts'
import type { HttpResponseBodyEvent, HttpSendEvent } from '../../../src/asgi/http-events.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import { RawClient, type RawResponse } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'

type App = Application<HttpScope>

interface Answer {
  readonly status?: number
  readonly headers?: HeadersInit
  readonly trailers?: boolean
}

/** A server that answers with these events. */
async function answering(
  start: Answer,
  ...events: readonly (Omit<HttpResponseBodyEvent, 'type'> | HttpSendEvent)[]
): Promise<ServerUnderTest> {
  return serving({
    http: async (_scope, _receive, send) => {
      await send({ type: 'http.response.start', status: 200, ...start })
      for (const event of events) await send('type' in event ? event : { type: 'http.response.body', ...event })
    },
  })
}

async function ask(server: ServerUnderTest, method = 'GET', headers = ''): Promise<RawResponse> {
  const client = await RawClient.connect(server.port)
  client.write(`${method} / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n${headers}\r\n`)
  return client.response()
}

describe('a response', () => {
  it.each([
    ['a text', 'gr\u00fcn', 5],
    ['bytes', Buffer.from('green'), 5],
    ['nothing', undefined, 0],
  ])('has its length if it is one piece, %s', async (_what, body, length) => {
    const { headers, body: received } = await ask(await answering({}, { ...(body !== undefined && { body }) }))
    expect(headers).toMatchObject({ 'content-length': String(length) })
    expect(received).toBe(body?.toString() ?? '')
  })

  it('is chunked if it has several pieces', async () => {
    const server = await answering({}, { body: 'one', moreBody: true }, { body: '', moreBody: true }, { body: 'two' })
    expect(await ask(server)).toMatchObject({
      headers: { 'transfer-encoding': 'chunked' },
      body: '3\r\none\r\n3\r\ntwo\r\n0\r\n\r\n',
    })
    expect(await (await fetch(server.url)).text()).toBe('onetwo')
  })

  it('has the Content-Length of the application if it has several pieces', async () => {
    const server = await answering(
      { headers: { 'content-length': '6' } },
      { body: 'one', moreBody: true },
      { body: 'two' },
    )
    const response = await ask(server)
    expect(response).toMatchObject({ headers: { 'content-length': '6' }, body: 'onetwo' })
    expect(response.headers).not.toHaveProperty('transfer-encoding')
  })

  it('is sent piece by piece, its head with the first event of its body', async () => {
    const steps: (() => void)[] = []
    const step = (): Promise<void> => new Promise((resolve) => steps.push(resolve))
    const server = await serving({
      http: async (_scope, _receive, send) => {
        await send({ type: 'http.response.start', status: 200 })
        await step()
        await send({ type: 'http.response.body', moreBody: true })
        await step()
        await send({ type: 'http.response.body', body: 'piece', moreBody: true })
        await step()
        await send({ type: 'http.response.body' })
      },
    })
    const client = await RawClient.connect(server.port)
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    await eventually(() => steps.length).toBe(1)
    expect(client.received.length).toBe(0)
    steps[0]!()
    expect((await client.head()).status).toBe(200)
    expect(client.received.length).toBe(0)
    steps[1]!()
    expect((await client.bytes(10)).toString()).toBe('5\r\npiece\r\n')
    steps[2]!()
    await client.over()
  })

  it('has the headers of GET and no body for HEAD', async () => {
    const whole = await ask(await answering({ headers: { 'X-Name': '1' } }, { body: 'hello' }), 'HEAD')
    expect(whole).toMatchObject({ status: 200, headers: { 'x-name': '1', 'content-length': '5' }, body: '' })
    const streamed = await ask(await answering({}, { body: 'hello', moreBody: true }, { body: 'hello' }), 'HEAD')
    expect(streamed).toMatchObject({ status: 200, body: '' })
    const known = await ask(await answering({ headers: { 'Content-Length': '1000' } }, {}), 'HEAD')
    expect(known).toMatchObject({ headers: { 'content-length': '1000' }, body: '' })
  })

  it.each([204, 304])('has no body and no headers of one with status %i', async (status) => {
    const headers = { 'Content-Length': '5' }
    for (const server of [await answering({ status }, {}), await answering({ status, headers }, { body: 'hello' })]) {
      const response = await ask(server)
      expect(response).toMatchObject({ status, body: '' })
      expect(response.headers).not.toHaveProperty('transfer-encoding')
    }
  })

  it('with status 304 may have the length of the answer that it stands for, and 204 none (RFC 9110 \u00a78.6)', async () => {
    const headers = { 'Content-Length': '5' }
    expect((await ask(await answering({ status: 304, headers }, {}))).headers).toMatchObject({ 'content-length': '5' })
    expect((await ask(await answering({ status: 204, headers }, {}))).headers).not.toHaveProperty('content-length')
  })

  it.each([200, 201, 299, 404, 599, 999])('accepts the status %i', async (status) => {
    expect((await ask(await answering({ status }, {}))).status).toBe(status)
  })

  it('keeps the order of its headers and their duplicates', async () => {
    const headers = [
      ['Set-Cookie', 'a=1'],
      ['X-Name', 'caf\u00e9'],
      ['set-cookie', 'b=2'],
    ] as const
    for (const form of [headers, HeaderList.from(headers)]) {
      const server = await answering({ headers: form }, {})
      expect((await fetch(server.url)).headers.getSetCookie()).toEqual(['a=1', 'b=2'])
      expect((await ask(server)).headers['x-name']).toBe('caf\u00e9')
    }
  })

  it('is framed by the server, which ignores Transfer-Encoding of the application', async () => {
    const server = await answering({ headers: { 'Transfer-Encoding': 'gzip' } }, { body: 'hello' })
    const { headers } = await ask(server)
    expect(headers).toMatchObject({ 'content-length': '5' })
    expect(headers).not.toHaveProperty('transfer-encoding')
  })

  it('keeps the connection open for the next request', async () => {
    const server = await answering({}, { body: 'ok' })
    const client = await RawClient.connect(server.port)
    for (let i = 0; i < 3; i++) {
      client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
      expect((await client.head()).headers).toMatchObject({ connection: 'keep-alive' })
      await client.bytes(2)
    }
    client.socket.destroy()
  })
})

describe('trailers (RFC 9110 \u00a76.5)', () => {
  const events = [
    { body: 'hello' },
    { type: 'http.response.trailers', headers: { 'X-One': '1' }, moreTrailers: true },
    { type: 'http.response.trailers', headers: [['X-Two', '2']] },
  ] as const

  it('are sent to a client that asks for them, from all events', async () => {
    const server = await answering({ trailers: true, headers: { Trailer: 'X-One, X-Two' } }, ...events)
    const { body } = await ask(server, 'GET', 'TE: gzip, trailers\r\n')
    expect(body).toBe('5\r\nhello\r\n0\r\nX-One: 1\r\nX-Two: 2\r\n\r\n')
  })

  it('are not sent to a client that does not ask', async () => {
    const { body } = await ask(await answering({ trailers: true }, ...events))
    expect(body).toBe('5\r\nhello\r\n0\r\n\r\n')
  })

  it('are rejected if one would end its line', async () => {
    const bad = { type: 'http.response.trailers', headers: { 'X-One': '1\r\nX-Two: 2' } } as const
    const server = await answering({ trailers: true }, { body: 'hello' }, bad)
    await ask(server, 'GET', 'TE: trailers\r\n')
    expect(server.log).toMatchObject([{ details: { err: { code: 'ERR_BAD_EVENT' } } }])
  })
})

describe('an invalid event of an application', () => {
  const START = { type: 'http.response.start', status: 200 } as const
  const BODY = { type: 'http.response.body', body: 'x' } as const
  const MORE = { ...BODY, moreBody: true } as const
  const TRAILERS = { type: 'http.response.trailers', headers: {} } as const

  it.each<[string, readonly unknown[], string]>([
    [
      'a body before the start',
      [BODY],
      'ERR_OUT_OF_TURN: http.response.body is out of turn: send http.response.start first.',
    ],
    [
      'a second start',
      [START, START],
      'ERR_OUT_OF_TURN: http.response.start is out of turn: the response has already started.',
    ],
    ['a start behind the body', [START, MORE, START], 'ERR_OUT_OF_TURN: http.response.start'],
    [
      'a body behind the end',
      [START, BODY, BODY],
      'ERR_OUT_OF_TURN: http.response.body is out of turn: the response is complete.',
    ],
    ['a start behind the end', [START, BODY, START], 'ERR_OUT_OF_TURN: http.response.start'],
    ['trailers that were not promised', [START, BODY, TRAILERS], 'ERR_OUT_OF_TURN: http.response.trailers'],
    ['trailers before the end of the body', [{ ...START, trailers: true }, MORE, TRAILERS], 'ERR_OUT_OF_TURN'],
    ['an unknown event', [{ type: 'http.response.push' }], 'ERR_BAD_EVENT: Unknown event "http.response.push".'],
    ['a status below 200', [{ ...START, status: 101 }], 'ERR_BAD_EVENT'],
    ['a status over 999', [{ ...START, status: 1000 }], 'ERR_BAD_EVENT'],
    ['no status', [{ type: 'http.response.start' }], 'ERR_BAD_EVENT'],
    [
      'a header that ends its line',
      [{ ...START, headers: { 'X-Name': 'a\r\nb' } }],
      'ERR_BAD_EVENT: The header "X-Name" is invalid.',
    ],
    ['a header whose name is no token', [{ ...START, headers: { 'X Name': 'a' } }], 'ERR_BAD_EVENT'],
    ['a Content-Length that is no number', [{ ...START, headers: { 'Content-Length': 'x' } }], 'ERR_BAD_EVENT'],
    [
      'two Content-Lengths',
      [
        {
          ...START,
          headers: [
            ['Content-Length', '1'],
            ['content-length', '2'],
          ],
        },
      ],
      'ERR_BAD_EVENT',
    ],
    [
      'more than its Content-Length',
      [{ ...START, headers: { 'Content-Length': '0' } }, BODY],
      'ERR_BAD_EVENT: The body is longer than its Content-Length',
    ],
    [
      'less than its Content-Length',
      [{ ...START, headers: { 'Content-Length': '2' } }, BODY],
      'ERR_BAD_EVENT: The body is shorter than its Content-Length',
    ],
    ['a body that is neither text nor bytes', [START, { ...BODY, body: 5 }], 'ERR_BAD_EVENT'],
  ])('is %s', async (_what, events, expected) => {
    let problem!: (text: string) => void
    const found = new Promise<string>((resolve) => {
      problem = resolve
    })
    const http: App = async (_scope, _receive, send) => {
      for (const event of events.slice(0, -1)) await send(event as HttpSendEvent)
      try {
        await send(events.at(-1) as HttpSendEvent)
        problem('nothing')
      } catch (error) {
        problem(`${(error as { code: string }).code}: ${(error as Error).message}`)
        throw error
      }
    }
    const server = await serving({ http })
    const client = await RawClient.connect(server.port)
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n')
    expect(await found).toContain(expected)
    await client.over()
  })
})

describe('a client that reads slowly', () => {
  const piece = Buffer.alloc(1024 * 1024, 'x')

  it('delays the sender, and leaves no listener behind', async () => {
    const warnings: Error[] = []
    const keep = (warning: Error): number => warnings.push(warning)
    process.on('warning', keep)
    onTestFinished(() => {
      process.removeListener('warning', keep)
    })
    let waits = 0
    const server = await serving({
      http: async (_scope, _receive, send) => {
        await send({ type: 'http.response.start', status: 200 })
        for (let i = 0; i < 30; i++) {
          const waiting = send({ type: 'http.response.body', body: piece, moreBody: true })
          if (waiting !== undefined) waits++
          await waiting
        }
        await send({ type: 'http.response.body' })
      },
    })
    const response = await fetch(server.url)
    await eventually(() => waits).toBeGreaterThan(0)
    expect(waits).toBeLessThan(30)
    expect((await response.arrayBuffer()).byteLength).toBe(30 * piece.length)
    expect(waits).toBeGreaterThan(11)
    await new Promise((resolve) => setImmediate(resolve))
    expect(warnings).toEqual([])
  })

  it('resolves the waiting send() when it disconnects, and rejects the next piece', async () => {
    let ended!: (error: unknown) => void
    const end = new Promise<unknown>((resolve) => {
      ended = resolve
    })
    const server = await serving({
      http: async (_scope, _receive, send) => {
        await send({ type: 'http.response.start', status: 200 })
        try {
          for (;;) await send({ type: 'http.response.body', body: piece, moreBody: true })
        } catch (error) {
          ended(error)
          throw error
        }
      },
    })
    const client = await RawClient.connect(server.port)
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')
    await client.head()
    client.reset()
    expect(await end).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
    expect(server.log).toEqual([])
  })
})
