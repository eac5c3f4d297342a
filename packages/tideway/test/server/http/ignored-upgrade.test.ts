import { describe, expect, it } from 'vitest'
import { fetchHandler } from '../../../src/server/http/fetch-handler.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { serving, type ServerUnderTest } from '../serving.ts'

const H2C = {
  Host: 'localhost',
  Connection: 'Upgrade, HTTP2-Settings',
  Upgrade: 'h2c',
  'HTTP2-Settings': 'AAMAAABkAAQAoAAAAAIAAAAA',
}

/** Responds with the parsed request. */
async function server(): Promise<ServerUnderTest> {
  const http = fetchHandler(async (request) =>
    Response.json([request.method, await request.text(), [...request.headers.keys()].join()]),
  )
  return serving({ http, websocket: echo })
}

async function answer(client: RawClient): Promise<unknown> {
  const { status, headers } = await client.head()
  expect(status).toBe(200)
  return JSON.parse((await client.bytes(Number(headers['content-length']))).toString())
}

describe('a request that asks for a protocol that the server does not speak (RFC 9110 \u00a77.8)', () => {
  it('is answered without an upgrade, as the next one of its connection', async () => {
    const { port } = await server()
    const client = await RawClient.connect(port)
    for (let i = 0; i < 2; i++) {
      client.write(requestText('GET / HTTP/1.1', H2C))
      expect(await answer(client)).toEqual(['GET', '', 'host'])
    }
    client.write(requestText('GET / HTTP/1.1', { Host: 'localhost' }))
    expect(await answer(client)).toEqual(['GET', '', 'host'])
    client.socket.destroy()
  })

  it('keeps its body, in the same write and in a later one', async () => {
    const { port } = await server()
    const client = await RawClient.connect(port)
    client.write(`${requestText('POST / HTTP/1.1', { ...H2C, 'Content-Length': '10' })}first`)
    await new Promise((resolve) => setImmediate(resolve))
    client.write('later')
    expect(await answer(client)).toEqual(['POST', 'firstlater', 'content-length,host'])
    client.write(`${requestText('POST / HTTP/1.1', { ...H2C, 'Transfer-Encoding': 'chunked' })}5\r\nhello\r\n0\r\n\r\n`)
    expect(await answer(client)).toEqual(['POST', 'hello', 'host,transfer-encoding'])
    client.socket.destroy()
  })

  it('keeps its other connection options', async () => {
    const { port } = await server()
    const client = await RawClient.connect(port)
    client.write(requestText('GET / HTTP/1.1', { ...H2C, Connection: 'close, Upgrade, HTTP2-Settings' }))
    expect((await client.response()).headers).toMatchObject({ connection: 'close' })
  })

  it.each([{}, { Connection: 'close' }, { Host: undefined }])(
    'is answered when it comes in HTTP/1.0, also if it asks for a WebSocket: %o',
    async (changed) => {
      const { port } = await server()
      const client = await RawClient.connect(port)
      client.write(requestText('GET /page HTTP/1.0', { ...validHandshake, ...changed }))
      const { status, body } = await client.response()
      expect([status, (JSON.parse(body) as string[]).slice(0, 2)]).toEqual([200, ['GET', '']])
    },
  )

  it('can be followed by a WebSocket handshake on the same connection', async () => {
    const { port } = await server()
    const client = await RawClient.connect(port)
    client.write(requestText('GET / HTTP/1.1', H2C))
    await answer(client)
    client.write(
      requestText('GET / HTTP/1.1', {
        Host: 'localhost',
        Connection: 'Upgrade',
        Upgrade: 'websocket',
        'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
        'Sec-WebSocket-Version': '13',
      }),
    )
    expect((await client.head()).status).toBe(101)
    client.hex('8185 00000000 48656c6c6f')
    expect(await client.frame()).toBe('text Hello')
    client.socket.destroy()
  })
})
