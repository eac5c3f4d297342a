import { describe, expect, it, onTestFinished } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import type { HttpScope } from '../../../src/asgi/scope.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { Recorder } from '../applications.ts'
import { RawClient, requestText, validHandshake } from '../raw-client.ts'
import { serving } from '../serving.ts'

const countHeaders: Application<HttpScope> = async (scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: String([...scope.headers].length) })
}

async function connected(options: ServeOptions): Promise<RawClient> {
  const server = await serving({ http: countHeaders, websocket: new Recorder().application }, options)
  const client = await RawClient.connect(server.port)
  onTestFinished(() => void client.socket.destroy())
  return client
}

function headers(count: number): Record<string, string> {
  return { Host: 'localhost', ...Object.fromEntries(Array.from({ length: count - 1 }, (_, i) => [`X-${i}`, 'x'])) }
}

describe('maxHeaders', () => {
  it('allows exactly this number', async () => {
    const client = await connected({ maxHeaders: 5 })
    client.write(requestText('GET / HTTP/1.1', { ...headers(4), Connection: 'close' }))
    expect(await client.response()).toMatchObject({ status: 200, body: expect.stringContaining('5') as string })
  })

  it.each([6, 7, 500])('refuses a request with %i headers when it is 5', async (count) => {
    const client = await connected({ maxHeaders: 5 })
    client.write(requestText('GET / HTTP/1.1', headers(count)))
    expect(await client.response()).toMatchObject({ status: 431 })
    await client.over()
  })

  it('refuses a handshake too', async () => {
    const client = await connected({ maxHeaders: 5 })
    client.write(requestText('GET / HTTP/1.1', { ...validHandshake, 'X-One': 'too many' }))
    expect(await client.response()).toMatchObject({ status: 431 })
  })

  it('allows the five headers of a handshake if it is 5', async () => {
    const client = await connected({ maxHeaders: 5 })
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    expect(await client.head()).toMatchObject({ status: 101 })
  })
})

describe('maxHeaderBytes', () => {
  it.each([
    { name: 'a request', fixed: { Host: 'localhost' } },
    { name: 'a handshake', fixed: validHandshake },
  ])('answers $name above it with 431', async ({ fixed }) => {
    const client = await connected({ maxHeaderBytes: 1000 })
    client.write(requestText('GET / HTTP/1.1', { ...fixed, 'X-Long': 'x'.repeat(1000) }))
    expect(await client.head()).toMatchObject({ status: 431 })
    await client.over()
  })

  it('allows fewer bytes', async () => {
    const client = await connected({ maxHeaderBytes: 1000 })
    client.write(requestText('GET / HTTP/1.1', { Host: 'localhost', 'X-Long': 'x'.repeat(900) }))
    expect(await client.head()).toMatchObject({ status: 200 })
  })
})

describe('headersTimeoutMs', () => {
  it.each([
    { name: 'nothing', text: '' },
    { name: 'half a line', text: 'GET / HT' },
    { name: 'half of the headers', text: 'GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\n' },
  ])('ends the connection of a client that sends $name', async ({ text }) => {
    const client = await connected({ headersTimeoutMs: 40 })
    if (text !== '') client.write(text)
    expect(await client.head()).toMatchObject({ status: 408 })
    await client.over()
  })

  it('ends the connection of a client that sends one header at a time forever', async () => {
    const client = await connected({ headersTimeoutMs: 60 })
    client.write('GET / HTTP/1.1\r\nHost: localhost\r\n')
    const drip = setInterval(() => client.write('X-Drip: x\r\n'), 10)
    onTestFinished(() => clearInterval(drip))
    expect(await client.head()).toMatchObject({ status: 408 })
    await client.over()
  })

  it('does not affect a WebSocket', async () => {
    const client = await connected({ headersTimeoutMs: 300, requestTimeoutMs: 300, pingIntervalMs: 1000 })
    client.write(requestText('GET / HTTP/1.1', validHandshake))
    expect(await client.head()).toMatchObject({ status: 101 })
    expect(await client.frame()).toBe('ping ')
  })
})

describe('requestTimeoutMs', () => {
  it('ends the connection of a client that does not send its body', async () => {
    const client = await connected({ requestTimeoutMs: 40 })
    client.write('POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf')
    expect(await client.head()).toMatchObject({ status: 200 })
    await client.over()
  })
})

describe('keepAliveTimeoutMs', () => {
  it('ends the connection of a client that sends no other request', async () => {
    const client = await connected({ keepAliveTimeoutMs: 20 })
    client.write(requestText('GET / HTTP/1.1', { Host: 'localhost' }))
    expect(await client.head()).toMatchObject({ status: 200 })
    await client.over()
  })
})

describe('limits of requests', () => {
  it.each(['maxHeaderBytes', 'headersTimeoutMs', 'requestTimeoutMs', 'keepAliveTimeoutMs', 'maxHeaders'])(
    'refuse a %s that is no number over 0',
    async (name) => {
      for (const value of [0, -1, Number.NaN, Infinity]) {
        if (name === 'maxHeaders' && value === Infinity) continue
        await expect(serving({}, { [name]: value })).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
      }
    },
  )
})
