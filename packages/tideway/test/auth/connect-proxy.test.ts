import { once } from 'node:events'
import { createServer, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { connectProxy, type ConnectProxyOptions, type WithProxiedUser } from 'tideway/auth'
import { afterEach, expect, expectTypeOf, test, vi } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import type { WebSocketScope } from '../../src/asgi/scope.ts'
import { anonymousUser } from '../../src/asgi/user.ts'
import { run, webSocketScope } from './connection.ts'

let stop: (() => void) | undefined
afterEach(() => stop?.())

/** A site whose view answers as given. */
async function site(view: RequestListener): Promise<string> {
  const server = createServer(view).listen(0, '127.0.0.1')
  await once(server, 'listening')
  stop = () => {
    server.closeAllConnections()
    server.close()
  }
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/whoami`
}

const answering =
  (status: number, body = '', headers = {}): RequestListener =>
  (_request, response) =>
    response.writeHead(status, headers).end(body)

/** Returns the scope of the inner application, and the events that were sent. */
async function connect(options: ConnectProxyOptions, scope = webSocketScope()) {
  let seen: WithProxiedUser | undefined
  const inner: Application<WebSocketScope & WithProxiedUser> = async (scope, _receive, send) => {
    seen = scope
    await send({ type: 'websocket.accept' })
  }
  const sent = await run(connectProxy(inner, options), scope, [{ type: 'websocket.connect' }])
  return { seen, sent }
}

test('passes cookies, address and path to the view, and adds its user and groups to the scope', async () => {
  let asked: IncomingMessage | undefined
  const url = await site((request, response) => {
    asked = request
    response.end('{"user":{"id":7,"username":"ada","email":"ada@example.com"},"groups":["news"]}')
  })
  const headers: [string, string][] = [
    ['cookie', 'a=1'],
    ['cookie', 'b=2'],
    ['host', 'chat.example'],
    ['x-internal', 'no'],
  ]
  const { seen } = await connect({ url }, webSocketScope(headers, { rawPath: '/ws/a%20b', queryString: 'x=1' }))
  expect(seen?.user).toEqual({ id: 7, username: 'ada', email: 'ada@example.com', isAuthenticated: true })
  expect(seen?.groups).toEqual(['news'])
  expect(asked?.method).toBe('GET')
  expect(asked?.headers).toMatchObject({
    cookie: 'a=1; b=2',
    'x-forwarded-for': '127.0.0.1',
    'x-original-uri': '/ws/a%20b?x=1',
  })
  expect(asked?.headers).not.toHaveProperty('x-internal')
})

test('makes a client anonymous after an answer without a user', async () => {
  const { seen } = await connect({ url: await site(answering(200, '{"user":null}')) })
  expect(seen).toMatchObject({ user: anonymousUser, groups: [] })
})

test.each([
  [401, 401],
  [403, 403],
  [404, 404],
  [429, 429],
  [400, 403],
  [418, 403],
  [302, 401],
])('turns a %d of the view into a rejection with %d', async (status, refusal) => {
  const { seen, sent } = await connect({ url: await site(answering(status, 'why', { location: '/login' })) })
  expect(seen).toBeUndefined()
  expect(sent).toMatchObject([
    { type: 'websocket.http.response.start', status: refusal },
    { type: 'websocket.http.response.body' },
  ])
})

test.each([
  ['a 500', answering(500)],
  ['a 204', answering(204)],
  ['no JSON', answering(200, '<html>')],
  ['no object', answering(200, '1')],
  ['a user without an id', answering(200, '{"user":{"username":"ada"}}')],
  ['a user that is no object', answering(200, '{"user":1}')],
  ['groups that are no names', answering(200, '{"groups":[1]}')],
  ['too large an answer', answering(200, JSON.stringify({ filler: 'x'.repeat(200) }))],
  ['silence', () => {}],
  ['a hang-up', (request: IncomingMessage) => void request.socket.destroy()],
])('answers with 503, and not as anonymous, after %s', async (_what, view: RequestListener) => {
  const inner = vi.fn<Application<WebSocketScope>>()
  const application = connectProxy(inner, { url: await site(view), timeoutMs: 200, maxResponseBytes: 200 })
  await expect(run(application, webSocketScope())).rejects.toMatchObject({
    status: 503,
    code: 'ERR_SERVICE_UNAVAILABLE',
  })
  expect(inner).not.toHaveBeenCalled()
})

test('removes the need of a user and groups from the scope', () => {
  const inner: Application<WebSocketScope & WithProxiedUser> = async () => {}
  expectTypeOf(connectProxy(inner, { url: 'http://localhost' })).toExtend<Application<WebSocketScope>>()
})

test.each([{ timeoutMs: 0 }, { maxResponseBytes: 0 }])('rejects the options %o', (options) => {
  expect(() => connectProxy(async () => {}, { url: 'http://localhost', ...options })).toThrow(
    expect.objectContaining({ code: 'ERR_BAD_OPTION' }),
  )
})
