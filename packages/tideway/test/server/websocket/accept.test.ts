import { describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import type { WebSocketAcceptEvent } from '../../../src/asgi/websocket-events.ts'
import { RawClient, requestText, validHandshake, type RawResponse } from '../raw-client.ts'
import { serving, type ServerUnderTest } from '../serving.ts'

/** A server whose application accepts with this event, and what went wrong with that. */
async function accepts(event: Omit<WebSocketAcceptEvent, 'type'>): Promise<ServerUnderTest> {
  return serving({
    websocket: async (_scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.accept', ...event })
      await receive()
    },
  })
}

async function handshake(server: ServerUnderTest, offered?: string): Promise<Omit<RawResponse, 'body'>> {
  const client = await RawClient.connect(server.port)
  client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'Sec-WebSocket-Protocol': offered }))
  return client.head()
}

describe('subprotocols (RFC 6455 §4.2.2)', () => {
  it('include the one that the application chose', async () => {
    const { webSocketUrl } = await accepts({ subprotocol: 'chat.v1' })
    const client = new WebSocket(webSocketUrl, ['chat.v2', 'chat.v1'])
    await new Promise((resolve, reject) => client.once('open', resolve).once('error', reject))
    expect(client.protocol).toBe('chat.v1')
    client.terminate()
  })

  it('are absent if the application chose none', async () => {
    const { headers } = await handshake(await accepts({}), 'chat.v2, chat.v1')
    expect(headers).not.toHaveProperty('sec-websocket-protocol')
  })

  it('reject one that the client did not offer, and name its offers', async () => {
    const server = await accepts({ subprotocol: 'chat.v3' })
    expect(await handshake(server, 'chat.v2, chat.v1')).toMatchObject({ status: 500 })
    expect(server.log).toMatchObject([
      {
        level: 'error',
        details: {
          err: {
            code: 'ERR_BAD_EVENT',
            message: 'accept() with subprotocol "chat.v3", but the client offered chat.v2, chat.v1.',
          },
        },
      },
    ])
  })

  it('reject one given as a header', async () => {
    const server = await accepts({ headers: { 'sec-WebSocket-protocol': 'chat.v1' } })
    expect(await handshake(server, 'chat.v1')).toMatchObject({ status: 500 })
    expect(server.log).toMatchObject([{ details: { err: { code: 'ERR_BAD_EVENT' } } }])
  })
})

describe('headers of the accept', () => {
  it('are sent in order, with duplicates', async () => {
    const server = await accepts({
      headers: [
        ['Set-Cookie', 'a=1; Path=/'],
        ['set-cookie', 'b=2'],
        ['X-Name', 'caf\u00e9'],
      ],
    })
    const client = await RawClient.connect(server.port)
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    await client.bytes(1)
    const { headers } = await client.head()
    expect(headers['set-cookie']).toBe('a=1; Path=/, b=2')
    expect(headers['x-name']).toBe('caf\u00e9')
  })

  it('may be a record', async () => {
    expect((await handshake(await accepts({ headers: { 'X-One': '1' } }))).headers).toMatchObject({ 'x-one': '1' })
  })

  it.each<[string, string, string]>([
    ['a line break in a value', 'X-Name', 'a\r\nX-Injected: 1'],
    ['a lone line feed in a value', 'X-Name', 'a\nX-Injected: 1'],
    ['a NUL in a value', 'X-Name', 'a\0b'],
    ['a character over a byte', 'X-Name', '\u20ac'],
    ['a line break in a name', 'X-Name: a\r\nX-Injected', '1'],
    ['a space in a name', 'X Name', '1'],
    ['an empty name', '', '1'],
  ])('are refused with %s', async (_what, name, value) => {
    const server = await accepts({ headers: [[name, value]] })
    const { status, headers } = await handshake(server)
    expect(status).toBe(500)
    expect(headers).not.toHaveProperty('x-injected')
    expect(server.log).toMatchObject([{ details: { err: { code: 'ERR_BAD_EVENT' } } }])
  })

  it.each([
    'Upgrade',
    'Connection',
    'Sec-WebSocket-Accept',
    'Sec-WebSocket-Extensions',
    'Content-Length',
    'Transfer-Encoding',
  ])('must not contain %s, which the server sets', async (name) => {
    const server = await accepts({ headers: [[name, '1']] })
    expect(await handshake(server)).toMatchObject({ status: 500 })
    expect(server.log).toMatchObject([{ details: { err: { code: 'ERR_BAD_EVENT' } } }])
  })

  it('are checked before anything is sent, so that the application may try again', async () => {
    const server = await serving({
      websocket: async (_scope, receive, send) => {
        await receive()
        try {
          await send({ type: 'websocket.accept', headers: { 'X-Name': '\n' } })
        } catch {
          await send({ type: 'websocket.accept', headers: { 'X-Name': 'second' } })
        }
        await receive()
      },
    })
    expect(await handshake(server)).toMatchObject({ status: 101, headers: { 'x-name': 'second' } })
  })
})
