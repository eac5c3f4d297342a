import { once } from 'node:events'
import { RateLimiterMemory } from 'rate-limiter-flexible'
import { originValidator, rateLimit, type RateLimiter, type RateLimitOptions } from 'tideway/security'
import { liveServer } from 'tideway/testing'
import { describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'

import type { Application } from '../../src/asgi/application.ts'
import { traitsOf } from '../../src/asgi/application-traits.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import { protocolTypeRouter } from '../../src/routing/protocol-type-router.ts'

const silent = { debug() {}, info() {}, warn() {}, error() {} }

const echo: Application<WebSocketScope> = async (_scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.accept' })
  for (let event = await receive(); event.type === 'websocket.receive'; event = await receive()) {
    if (event.text !== undefined) await send({ type: 'websocket.send', text: event.text })
  }
}

const hello: Application<HttpScope> = async (_scope, _receive, send) => {
  await send({ type: 'http.response.start', status: 200 })
  await send({ type: 'http.response.body', body: 'hello' })
}

async function serving(options: RateLimitOptions<WebSocketScope> & RateLimitOptions<HttpScope>) {
  const application = protocolTypeRouter({ http: rateLimit(hello, options), websocket: rateLimit(echo, options) })
  const server = await liveServer(application, { logger: silent })
  onTestFinished(() => server.close(1))
  return server
}

/** Sends so many messages. Returns the answers until the close or the last one, and the close code. */
async function exchange(url: string, count: number): Promise<{ answers: number; code: number | undefined }> {
  const client = new WebSocket(url)
  let answers = 0
  await once(client, 'open')
  const ended = new Promise<number | undefined>((resolve) => {
    client.on('close', resolve).on('message', () => {
      if (++answers === count) resolve(undefined)
    })
  })
  for (let i = 0; i < count; i++) client.send(String(i))
  const code = await ended
  client.terminate()
  return { answers, code }
}

async function statusOfHandshake(url: string): Promise<number> {
  const client = new WebSocket(url)
  return new Promise((resolve) => {
    client.on('open', () => {
      client.terminate()
      resolve(101)
    })
    client.on('unexpected-response', (_request, response) => resolve(response.statusCode!))
    client.on('error', () => {})
  })
}

describe('rateLimit', () => {
  it('accepts as many messages as there are points, and closes with 1008 at the next', async () => {
    const server = await serving({ messages: new RateLimiterMemory({ points: 5, duration: 60 }) })
    expect(await exchange(server.webSocketUrl, 5)).toEqual({ answers: 5, code: undefined })
    const over = await serving({ messages: new RateLimiterMemory({ points: 5, duration: 60 }) })
    expect(await exchange(over.webSocketUrl, 6)).toEqual({ answers: 5, code: 1008 })
  })

  it('counts the messages of all connections of one address together', async () => {
    const server = await serving({ messages: new RateLimiterMemory({ points: 5, duration: 60 }) })
    expect((await exchange(server.webSocketUrl, 3)).code).toBeUndefined()
    expect((await exchange(server.webSocketUrl, 3)).code).toBe(1008)
  })

  it('answers a handshake and a request over the limit with 429', async () => {
    const server = await serving({ connects: new RateLimiterMemory({ points: 2, duration: 60 }) })
    expect(await statusOfHandshake(server.webSocketUrl)).toBe(101)
    expect((await fetch(server.url)).status).toBe(200)
    expect(await statusOfHandshake(server.webSocketUrl)).toBe(429)
    expect((await fetch(server.url)).status).toBe(429)
  })

  it('counts a user across addresses, and does not confuse an address with a user', async () => {
    const keys: string[] = []
    const connects: RateLimiter = { consume: async (key) => void keys.push(key) }
    const scopeOf = (user: unknown, host: string) =>
      ({ type: 'websocket', user, client: { host, port: 1 } }) as unknown as WebSocketScope
    const limited = rateLimit<WebSocketScope>(async () => {}, { connects })
    const call = (scope: WebSocketScope) =>
      limited(
        scope,
        () => ({ type: 'websocket.connect' }),
        () => {},
      )
    await call(scopeOf({ id: 7, username: 'ada', isAuthenticated: true }, '192.0.2.1'))
    await call(scopeOf({ id: undefined, username: '', isAuthenticated: false }, '192.0.2.1'))
    await call(scopeOf(undefined, 'user:7'))
    await call(scopeOf(undefined, '2001:db8::5'))
    expect(keys).toEqual(['user:7', 'address:192.0.2.1', 'address:user:7', 'address:2001:db8::/64'])
  })

  it('answers with 503 when its store is down', async () => {
    const broken: RateLimiter = { consume: () => Promise.reject(new Error('no connection to Redis')) }
    const server = await serving({ connects: broken })
    expect(await statusOfHandshake(server.webSocketUrl)).toBe(503)
  })

  it('keeps the mark of an origin check', () => {
    const options = { connects: new RateLimiterMemory({ points: 1, duration: 1 }) }
    expect(traitsOf(rateLimit(originValidator(echo, ['*']), options)).checksOrigin).toBe(true)
    expect(traitsOf(rateLimit(echo, options)).checksOrigin).not.toBe(true)
  })

  it('rejects options without connects and messages', () => {
    expect(() => rateLimit(echo, {})).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }) as Error)
  })
})
