import { MemorySessionStore, sessionMiddlewareStack, type Session, type SessionBackend } from 'tideway/auth'
import { expect, vi, type MockInstance } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import { httpScope, run, setCookiesOf, webSocketScope } from './connection.ts'

export const secret: string = 'keyboard cat, and forty other animals'

export type SessionHandler = (session: Session) => unknown

/** An HTTP request that does something with its session and answers with the status. */
export async function request(
  sessions: SessionBackend,
  visit: SessionHandler,
  cookie = '',
  status = 200,
): Promise<string[]> {
  const inner: Application<HttpScope & { session: Session }> = async (scope, _receive, send) => {
    await visit(scope.session)
    await send({ type: 'http.response.start', status })
    await send({ type: 'http.response.body', body: 'done' })
  }
  const sent = await run(sessionMiddlewareStack(inner, { sessions }), httpScope(cookie === '' ? {} : { cookie }))
  expect(sent.map((event) => event.type)).toEqual(['http.response.start', 'http.response.body'])
  return setCookiesOf(sent[0])
}

/** A WebSocket connection that does something with its session before it accepts, and something after. */
export async function connection(
  sessions: SessionBackend,
  before: SessionHandler,
  after: SessionHandler = () => {},
  cookie = '',
): Promise<string[]> {
  const inner: Application<WebSocketScope & { session: Session }> = async (scope, _receive, send) => {
    await before(scope.session)
    await send({ type: 'websocket.accept' })
    await after(scope.session)
  }
  const sent = await run(sessionMiddlewareStack(inner, { sessions }), webSocketScope(cookie === '' ? {} : { cookie }))
  return setCookiesOf(sent[0])
}

/** A store and the record of its calls. */
export interface WatchedStore extends Record<'get' | 'set' | 'destroy' | 'touch', MockInstance> {
  readonly store: MemorySessionStore
}

/** A store whose calls are counted. */
export function watchedStore(): WatchedStore {
  const store = new MemorySessionStore()
  return {
    store,
    get: vi.spyOn(store, 'get'),
    set: vi.spyOn(store, 'set'),
    destroy: vi.spyOn(store, 'destroy'),
    touch: vi.spyOn(store, 'touch'),
  }
}
