import { describe, expect, it } from 'vitest'
import type { WebSocketDenialBodyEvent, WebSocketDenialStartEvent } from '../../../src/asgi/websocket-events.ts'
import { Recorder } from '../applications.ts'
import { RawClient, requestText, validHandshake, type RawResponse } from '../raw-client.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'

type Start = Omit<WebSocketDenialStartEvent, 'type'>
type Body = Omit<WebSocketDenialBodyEvent, 'type'>

/** A server whose application refuses with this response. */
async function denying(start: Start, ...bodies: readonly Body[]): Promise<ServerUnderTest> {
  return serving({
    websocket: async (_scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.http.response.start', ...start })
      for (const body of bodies) await send({ type: 'websocket.http.response.body', ...body })
    },
  })
}

async function ask(server: ServerUnderTest): Promise<RawResponse> {
  const client = await RawClient.connect(server.port)
  client.write(requestText('GET / HTTP/1.1', validHandshake))
  return client.response()
}

describe('a refused handshake', () => {
  it('gets 403 with the reason after a close, and the disconnect has code 1006', async () => {
    const seen: unknown[] = []
    const server = await serving({
      websocket: async (_scope, receive, send) => {
        seen.push(await receive())
        await send({ type: 'websocket.close', code: 4001, reason: 'no' })
        seen.push(await receive(), await receive())
      },
    })
    expect(await ask(server)).toMatchObject({ status: 403, body: 'no\n' })
    const disconnect = { type: 'websocket.disconnect', code: 1006, reason: '' }
    await eventually(() => seen).toEqual([{ type: 'websocket.connect' }, disconnect, disconnect])
    expect(server.log).toEqual([])
  })

  it.each([200, 204, 302, 401, 404, 418, 503, 599])('gets the status %i of a denial response', async (status) => {
    expect(await ask(await denying({ status }, {}))).toMatchObject({ status })
  })

  it.each([0, 100, 101, 199, 600, 200.5, Number.NaN])(
    'rejects a denial response with the status %d',
    async (status) => {
      const server = await denying({ status }, {})
      expect(await ask(server)).toMatchObject({ status: 500 })
      expect(server.log).toMatchObject([{ details: { err: { code: 'ERR_BAD_EVENT' } } }])
    },
  )

  it('gets the headers and the body of a denial response', async () => {
    const headers = [
      ['WWW-Authenticate', 'Bearer'],
      ['Set-Cookie', 'a=1'],
      ['Set-Cookie', 'b=2'],
      ['Transfer-Encoding', 'chunked'],
      ['Connection', 'keep-alive'],
    ] as const
    const bodies = [{ body: 'sign ', moreBody: true }, { body: Buffer.from('in'), moreBody: true }, { body: ' \u00e9' }]
    const response = await ask(await denying({ status: 401, headers }, ...bodies))
    expect(response).toMatchObject({
      statusLine: 'HTTP/1.1 401 Unauthorized',
      headers: { 'www-authenticate': 'Bearer', 'set-cookie': 'a=1, b=2', connection: 'close' },
      body: 'sign in \u00e9',
    })
    expect(response.headers).not.toHaveProperty('transfer-encoding')
  })

  it.each([
    // RFC 9110 §8.6.
    [204, undefined],
    [205, '9'],
    [304, '9'],
  ])('gets no body in a denial response with status %i (RFC 9110 §6.4.1)', async (status, length) => {
    const bodies = [{ body: 'some', moreBody: true }, { body: ' more' }]
    const response = await ask(await denying({ status, headers: { 'Content-Length': '9' } }, ...bodies))
    expect(response).toMatchObject({ status, body: '' })
    expect(response.headers['content-length']).toBe(length)
  })

  it('rejects a denial response with a line break in a header', async () => {
    const server = await denying({ status: 401, headers: { 'X-Name': 'a\r\nX-Injected: 1' } }, {})
    const response = await ask(server)
    expect(response.status).toBe(500)
    expect(response.headers).not.toHaveProperty('x-injected')
    expect(server.log).toMatchObject([{ details: { err: { code: 'ERR_BAD_EVENT' } } }])
  })

  it('streams the body of a denial response', async () => {
    let release!: () => void
    const held = new Promise<void>((resolve) => {
      release = resolve
    })
    const server = await serving({
      websocket: async (_scope, _receive, send) => {
        await send({ type: 'websocket.http.response.start', status: 403 })
        await send({ type: 'websocket.http.response.body', body: 'first', moreBody: true })
        await held
        await send({ type: 'websocket.http.response.body', body: 'second' })
      },
    })
    const client = await RawClient.connect(server.port)
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    await client.head()
    expect((await client.bytes(5)).toString()).toBe('first')
    release()
    expect((await client.bytes(6)).toString()).toBe('second')
    await client.over()
  })

  it('makes the sender of a long body wait for a client that does not read, until it disconnects', async () => {
    const piece = Buffer.alloc(1024 * 1024)
    let pieces = 0
    let ended!: (error: unknown) => void
    const end = new Promise<unknown>((resolve) => {
      ended = resolve
    })
    const server = await serving({
      websocket: async (_scope, _receive, send) => {
        await send({ type: 'websocket.http.response.start', status: 403 })
        try {
          for (; ; pieces++) await send({ type: 'websocket.http.response.body', body: piece, moreBody: true })
        } catch (error) {
          ended(error)
        }
      },
    })
    const client = await RawClient.connect(server.port)
    client.socket.pause()
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    await eventually(() => pieces).toBeGreaterThan(0)
    client.reset()
    expect(await end).toMatchObject({ code: 'ERR_CONNECTION_CLOSED' })
    expect(pieces).toBeLessThan(100)
    expect(server.log).toEqual([])
  })

  it('is destroyed if the application does not finish the denial response in time', async () => {
    const server = await serving(
      {
        websocket: async (_scope, receive, send) => {
          await receive()
          await send({ type: 'websocket.http.response.start', status: 403 })
          await receive()
        },
      },
      { connectTimeoutMs: 40 },
    )
    const client = await RawClient.connect(server.port)
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    expect(await client.head()).toMatchObject({ status: 403 })
    await client.over()
    expect(server.log).toMatchObject([{ level: 'error', details: { err: { code: 'ERR_APPLICATION_TIMEOUT' } } }])
  })
})

describe('a client that disconnects before the handshake is answered', () => {
  it.each([
    ['an end of the connection', (client: RawClient) => client.socket.end()],
    ['a reset', (client: RawClient) => client.reset()],
  ])('causes 1006 in the application, which cannot accept, after %s', async (_how, go) => {
    let outcome!: (error: unknown) => void
    const ended = new Promise<unknown>((resolve) => {
      outcome = resolve
    })
    let asked!: () => void
    const isAsked = new Promise<void>((resolve) => {
      asked = resolve
    })
    const server = await serving({
      websocket: async (_scope, receive, send) => {
        await receive()
        asked()
        const event = await receive()
        try {
          await send({ type: 'websocket.accept' })
        } catch (error) {
          outcome([event, error])
        }
      },
    })
    const client = await RawClient.connect(server.port)
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    await isAsked
    go(client)
    expect(await ended).toMatchObject([{ type: 'websocket.disconnect', code: 1006 }, { code: 'ERR_CONNECTION_CLOSED' }])
    await eventually(() => server.connectionCount).toBe(0)
  })
})

describe('frames after the handshake in the same write', () => {
  it('are read when the application has accepted, in order', async () => {
    const recorder = new Recorder()
    const server = await serving({ websocket: recorder.application })
    const client = await RawClient.connect(server.port)
    const early = Buffer.from(['81810000000061', '81810000000062', '8180'].join(''), 'hex')
    client.write(Buffer.concat([Buffer.from(requestText('GET / HTTP/1.1', validHandshake)), early]))
    expect(await client.head()).toMatchObject({ status: 101 })
    client.hex('00000000', '8882 00000000 0fa0')
    expect(await client.frames()).toEqual(['close 4000'])
    expect(await recorder.disconnect()).toMatchObject({ code: 4000 })
    expect(recorder.messages).toEqual(['a', 'b', ''])
  })

  it('are read although the client has ended its side', async () => {
    const recorder = new Recorder()
    const server = await serving({ websocket: recorder.application })
    const client = await RawClient.connect(server.port, { allowHalfOpen: true })
    const early = Buffer.from(['81810000000061', '88820000000003e8'].join(''), 'hex')
    client.socket.end(Buffer.concat([Buffer.from(requestText('GET / HTTP/1.1', validHandshake)), early]))
    expect(await client.head()).toMatchObject({ status: 101 })
    expect(await client.frames()).toEqual(['close 1000'])
    expect(await recorder.disconnect()).toMatchObject({ code: 1000 })
    expect(recorder.messages).toEqual(['a'])
  })
})
