import express from 'express'
import session from 'express-session'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { describe, expect, it, onTestFinished } from 'vitest'

import { MemorySessionStore, toExpressStore, type SessionStore } from 'tideway/auth'

declare module 'express-session' {
  interface SessionData {
    userId: number
  }
}

/** A site of express-session over the store; each call sends the cookie that the one before has set. */
async function site(store: SessionStore, options: Partial<session.SessionOptions> = {}) {
  const app = express()
  const expressStore = toExpressStore(session.Store, store)
  app.use(session({ secret: 'secret', resave: false, saveUninitialized: false, ...options, store: expressStore }))
  app.get('/login', (request, response, next) => {
    request.session.regenerate((error) => {
      if (error) return next(error)
      request.session.userId = 7
      if (request.query['remember'] === 'no') Object.assign(request.session.cookie, { expires: false })
      response.send('in')
    })
  })
  app.get('/me', (request, response) => {
    response.send(String(request.session.userId))
  })
  app.get('/logout', (request, response, next) => {
    request.session.destroy((error) => (error ? next(error) : response.send('out')))
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  onTestFinished(() => {
    server.close()
    server.closeAllConnections()
  })
  let cookie = ''
  return async (path: string): Promise<string> => {
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}${path}`
    const response = await fetch(url, { headers: { cookie } })
    cookie = response.headers.getSetCookie()[0]?.split(';')[0] ?? cookie
    return response.text()
  }
}

describe('toExpressStore', () => {
  it('keeps a session from the login to the logout', async () => {
    const visit = await site(new MemorySessionStore())
    expect(await visit('/me')).toBe('undefined')
    await visit('/login')
    expect(await visit('/me')).toBe('7')
    await visit('/logout')
    expect(await visit('/me')).toBe('undefined')
  })

  it('keeps a session whose cookie has expires: false', async () => {
    const visit = await site(new MemorySessionStore())
    await visit('/login?remember=no')
    expect(await visit('/me')).toBe('7')
  })

  it('returns an instance of the base class, so that express-session learns of lost connections', () => {
    const store = toExpressStore(session.Store, new MemorySessionStore())
    expect(store).toBeInstanceOf(session.Store)
    expect(() => store.emit('disconnect')).not.toThrow()
  })

  it('has touch only if the store has it, and calls it at each request', async () => {
    const store = new MemorySessionStore()
    const touched: string[] = []
    const counting: SessionStore = {
      get: (id, done) => store.get(id, done),
      set: (id, value, done) => store.set(id, value, done),
      destroy: (id, done) => store.destroy(id, done),
      touch(id, value, done) {
        touched.push(id)
        store.touch(id, value, done)
      },
    }
    const visit = await site(counting, { cookie: { maxAge: 60_000 } })
    await visit('/login')
    await visit('/me')
    expect(touched).toHaveLength(1)
    const { touch: _, ...without } = counting
    expect(toExpressStore(session.Store, without).touch).toBeUndefined()
  })
})

describe('MemorySessionStore', () => {
  it.each([false, 0, '', true, 'no date'])('keeps a session whose cookie has an invalid expires: %j', (expires) => {
    const store = new MemorySessionStore()
    store.set('id', { userId: 7, cookie: { expires } })
    const session = new Promise((resolve) => store.get('id', (_error, value) => resolve(value)))

    return expect(session).resolves.toMatchObject({ userId: 7 })
  })
})
