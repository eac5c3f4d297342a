import express from 'express'
import expressSession from 'express-session'
import { Redis } from 'ioredis'
import { once } from 'node:events'
import { promisify } from 'node:util'
import { defineApplication, nodeListener, serve, storeSessions, type Application, type WebSocketScope } from 'tideway'
import { sessionMiddlewareStack, toExpressStore, type Session } from 'tideway/auth'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { RedisSessionStore, type RedisSessionStoreOptions } from '../src/index.ts'
import { RedisServer } from './redis-server.ts'

describeWith(['redis'], 'RedisSessionStore', () => {
  let server: RedisServer
  let client: Redis

  beforeAll(async () => {
    server = await RedisServer.start()
    client = new Redis(server.url)
  })
  afterAll(async () => {
    client.disconnect()
    await server.stop()
  })

  /** The store with promises instead of callbacks. */
  function store(options: Partial<RedisSessionStoreOptions> = {}) {
    const made = new RedisSessionStore({ client, ...options })
    type Done = (error?: unknown, value?: unknown) => void
    const promised = (call: (done: Done) => void): Promise<unknown> => promisify(call)()
    return {
      get: (id: string) => promised((done) => made.get(id, done)),
      set: (id: string, session: object) => promised((done) => made.set(id, session, done)),
      touch: (id: string, session: object) => promised((done) => made.touch(id, session, done)),
      destroy: (id: string) => promised((done) => made.destroy(id, done)),
    }
  }

  const inAMinute = () => ({ expires: new Date(Date.now() + 60_000).toISOString() })

  it('stores a session with the key and JSON of connect-redis', async () => {
    await store().set('kept', { cookie: inAMinute(), visits: 1 })
    expect(await store().get('kept')).toMatchObject({ visits: 1 })
    expect(JSON.parse((await client.get('sess:kept'))!)).toMatchObject({ visits: 1 })
  })

  it('sets the expiry of the cookie in Redis, or ttlMs if the cookie has none', async () => {
    await store().set('cookie', { cookie: inAMinute() })
    expect(await client.pttl('sess:cookie')).toBeGreaterThan(50_000)
    expect(await client.pttl('sess:cookie')).toBeLessThanOrEqual(60_000)
    await store({ ttlMs: 5000 }).set('browser', { cookie: { expires: null } })
    expect(await client.pttl('sess:browser')).toBeLessThanOrEqual(5000)
  })

  it.each([false, 0, '', null, undefined, true, 'no date', {}])(
    'stores a session for ttlMs if its cookie expires %j, which is not a date',
    async (expires) => {
      await store({ ttlMs: 5000 }).set('endless', { userId: 7, cookie: { expires } })
      expect(await store().get('endless')).toMatchObject({ userId: 7 })
      const left = await client.pttl('sess:endless')
      expect(left).toBeGreaterThan(0)
      expect(left).toBeLessThanOrEqual(5000)
      await store({ ttlMs: 60_000 }).touch('endless', { cookie: { expires } })
      expect(await client.pttl('sess:endless')).toBeGreaterThan(5000)
    },
  )

  it('does not store an expired session', async () => {
    await store().set('over', { cookie: inAMinute() })
    await store().set('over', { cookie: { expires: new Date(0).toISOString() } })
    expect(await client.exists('sess:over')).toBe(0)
  })

  it('extends a session without changing its data, and does not restore a removed one', async () => {
    await store({ ttlMs: 1000 }).set('touched', { cookie: { expires: null }, visits: 1 })
    await store().touch('touched', { cookie: inAMinute(), visits: 99 })
    expect(await store().get('touched')).toMatchObject({ visits: 1 })
    expect(await client.pttl('sess:touched')).toBeGreaterThan(50_000)
    await store().destroy('touched')
    await store().touch('touched', { cookie: inAMinute() })
    expect(await store().get('touched')).toBeUndefined()
  })

  it('stores a session at maxLength, and rejects a longer one', async () => {
    const session = { cookie: { expires: null } }
    const { length } = JSON.stringify(session)
    await store({ maxLength: length }).set('bound', session)
    await expect(store({ maxLength: length - 1 }).set('bound', session)).rejects.toMatchObject({
      code: 'ERR_SESSION_TOO_LARGE',
    })
  })

  it('calls back with the error of an unreachable Redis', async () => {
    const gone = new Redis({ port: 1, lazyConnect: true, retryStrategy: () => null, maxRetriesPerRequest: 0 })
    onTestFinished(() => gone.disconnect())
    gone.on('error', () => {})
    await expect(store({ client: gone }).get('anything')).rejects.toBeInstanceOf(Error)
  })

  it('shares sessions between express-session and WebSockets', async () => {
    const secret = 'shared'
    const shared = new RedisSessionStore({ client, prefix: 'shared:' })
    const app = express()
    const expressStore = toExpressStore(expressSession.Store, shared)
    app.use(expressSession({ secret, store: expressStore, resave: false, saveUninitialized: false }))
    app.get('/', (request, response) => {
      Object.assign(request.session, { name: 'Ada' })
      response.send('hello')
    })
    const tellName: Application<WebSocketScope & { session: Session }> = async (scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.accept' })
      await send({ type: 'websocket.send', text: String(scope.session.get('name')) })
      await receive()
    }
    const running = await serve(
      defineApplication({
        http: nodeListener(app),
        websocket: sessionMiddlewareStack(tellName, { sessions: storeSessions({ store: shared, secret }) }),
      }),
      { port: 0, logger: { debug() {}, info() {}, warn() {}, error: console.error } },
    )
    onTestFinished(() => running.close(1000))
    const response = await fetch(running.url)
    const cookie = response.headers.getSetCookie()[0]!.split(';')[0]!
    const socket = new WebSocket(running.webSocketUrl, { headers: { cookie } })
    const [message] = (await once(socket, 'message')) as [Buffer]
    socket.close()
    expect(message.toString()).toBe('Ada')
  })
})
