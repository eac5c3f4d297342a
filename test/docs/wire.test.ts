import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connect, type TidewayClient } from '@tideway/client'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { WebSocket, WebSocketServer } from 'ws'
import { liveServer } from 'tideway/testing'
import application from './from-ws/application.ts'

// What docs/spec/wire.md says of the client, seen by a server that is not tideway's; and of the server, by raw HTTP.

let server: WebSocketServer
let client: TidewayClient<object, object> | undefined

beforeEach(async () => {
  server = new WebSocketServer({ port: 0, host: '127.0.0.1' })
  await once(server, 'listening')
})

afterEach(() => {
  client?.close()
  for (const socket of server.clients) socket.terminate()
  server.close()
})

const url = () => `ws://127.0.0.1:${(server.address() as AddressInfo).port}`

async function nextConnection(): Promise<{ socket: WebSocket; request: IncomingMessage; next: () => Promise<string> }> {
  const [socket, request] = (await once(server, 'connection')) as [WebSocket, IncomingMessage]
  const texts: string[] = []
  socket.on('message', (data: Buffer) => texts.push(data.toString()))
  const next = async (): Promise<string> => {
    await expect.poll(() => texts.length).toBeGreaterThan(0)
    return texts.shift()!
  }
  return { socket, request, next }
}

it('the client offers a token as a subprotocol after bearer', async () => {
  const connection = nextConnection()
  client = connect(url(), { WebSocket, token: 'secret' })
  expect((await connection).request.headers['sec-websocket-protocol']?.replace(/, ?/, ' ')).toBe('bearer secret')
})

it('the client sends hello first, numbers its requests, and repeats them in order with the same id', async () => {
  const first = nextConnection()
  client = connect(url(), { WebSocket, onConnectMessage: () => ({ type: 'hello' }), backoff: { baseMs: 1, capMs: 1 } })
  const answers = [1, 2].map((n) => client!.request({ type: 'say', n }, { retry: true }))
  const { socket, next } = await first
  expect(await next()).toBe('{"type":"hello"}')
  const sent = [await next(), await next()]
  const ids = sent.map((text) => (JSON.parse(text) as { id: string }).id)
  expect(ids[0]).toMatch(/^[a-z0-9]{10,30}-1$/)
  expect(ids[1]).toBe(ids[0]!.replace(/1$/, '2'))

  const second = nextConnection()
  socket.terminate()
  const again = await second
  expect(await again.next()).toBe('{"type":"hello"}')
  expect([await again.next(), await again.next()]).toEqual(sent)
  again.socket.send(JSON.stringify({ id: ids[0], number: 42 }))
  again.socket.send(JSON.stringify({ id: ids[1], error: 'no' }))
  expect(await answers[0]).toEqual({ id: ids[0], number: 42 })
  await expect(answers[1]).rejects.toMatchObject({ code: 'ERR_REQUEST_FAILED' })
})

it('pings in text after silence, and keeps the pong from the application', async () => {
  const connection = nextConnection()
  const messages: object[] = []
  client = connect(url(), { WebSocket, heartbeat: { intervalMs: 50 } })
  client.on('message', (message) => messages.push(message))
  const { socket, next } = await connection
  expect(await next()).toBe('{"type":"ping"}')
  socket.send('{"type":"pong"}')
  socket.send('{"type":"said"}')
  await expect.poll(() => messages).toEqual([{ type: 'said' }])
})

it.each([1008, 4400, 4499])('does not come back after %d', async (code) => {
  const connection = nextConnection()
  client = connect(url(), { WebSocket })
  const closed = new Promise((resolve) => client!.on('closed', resolve))
  ;(await connection).socket.close(code)
  expect(await closed).toMatchObject({ status: 'closed', why: 'stopped' })
})

it('the server answers another version of the protocol with 426 and its own', async () => {
  const tideway = await liveServer(application)
  try {
    const headers = {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '8',
      'Sec-WebSocket-Key': 'AAAAAAAAAAAAAAAAAAAAAA==',
    }
    const sent = request(`${tideway.url}/ws/chat/lobby/`, { headers }).end()
    const [response] = (await once(sent, 'response')) as [IncomingMessage]
    expect(response.statusCode).toBe(426)
    expect(response.headers['sec-websocket-version']).toBe('13')
    response.resume()
  } finally {
    await tideway.close()
  }
})
