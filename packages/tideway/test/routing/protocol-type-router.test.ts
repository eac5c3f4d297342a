import type { Application, Authenticated, ChannelScope, HttpScope, LifespanScope, WebSocketScope } from 'tideway/asgi'
import { traitsOf, setTraits } from 'tideway/asgi'
import { WebSocketConsumer } from 'tideway/consumer'
import { protocolTypeRouter } from 'tideway/routing'
import { describe, expect, expectTypeOf, it } from 'vitest'

import { call, Calls, channelScope, httpScope, webSocketScope } from './connections.ts'

describe('protocolTypeRouter', () => {
  it('calls the application of the scope type, with that scope', async () => {
    const calls = new Calls()
    const router = protocolTypeRouter({
      http: calls.app('http'),
      websocket: calls.app('websocket'),
      lifespan: calls.app('lifespan'),
      channel: calls.app('channel'),
    })
    const scope = webSocketScope('/')
    await call(router, scope)
    expect(calls.lastScope).toBe(scope)
    await call(router, httpScope('/'))
    await call(router, channelScope('thumbnails'))
    await call(router, { type: 'lifespan', asgi: scope.asgi })
    expect(calls.names).toEqual(['websocket', 'http', 'channel', 'lifespan'])
  })

  it('rejects a type without an application, and names the type and those that have one', async () => {
    const calls = new Calls()
    const router = protocolTypeRouter({ http: calls.app('http'), websocket: calls.app('websocket') })
    await expect(call(router, { ...httpScope('/'), type: 'aprs' as 'http' })).rejects.toMatchObject({
      code: 'ERR_NO_APPLICATION',
      message:
        'No application for the scope type "aprs": protocolTypeRouter has http, websocket. Add one under that name.',
    })
    await expect(call(protocolTypeRouter({}), httpScope('/'))).rejects.toThrow(
      '"http": protocolTypeRouter has nothing.',
    )
    expect(calls.names).toEqual([])
  })

  it('rejects a scope without a type, and a type that names a property of every object', async () => {
    const router = protocolTypeRouter({ http: new Calls().app('http') })
    for (const type of [undefined, 'constructor', '__proto__', 'toString']) {
      await expect(call(router, { ...httpScope('/'), type: type as 'http' })).rejects.toMatchObject({
        code: 'ERR_NO_APPLICATION',
      })
    }
  })

  it('rejects instead of throwing', async () => {
    const result = protocolTypeRouter({})(
      httpScope('/'),
      () => new Promise(() => {}),
      () => {},
    )
    await expect(result).rejects.toMatchObject({ code: 'ERR_NO_APPLICATION' })
  })

  it('ignores an entry that is undefined', async () => {
    const router = protocolTypeRouter({ http: new Calls().app('http'), websocket: undefined })
    await expect(call(router, webSocketScope('/'))).rejects.toThrow('protocolTypeRouter has http.')
  })

  it('throws for a value that is not an application', () => {
    class ChatConsumer extends WebSocketConsumer {}
    expect(() => protocolTypeRouter({ websocket: ChatConsumer as unknown as Application })).toThrow(
      'The "websocket" of protocolTypeRouter needs an application; it is a consumer class. Write ChatConsumer.asApplication().',
    )
    expect(() => protocolTypeRouter({ http: null as unknown as Application })).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_ROUTE', message: expect.stringContaining('it is null') }),
    )
  })

  it('passes on the Node listener of its http application only', () => {
    const listener = (): void => {}
    const http = setTraits(new Calls().app('http'), { nodeListener: listener })
    expect(traitsOf(protocolTypeRouter({ http })).nodeListener).toBe(listener)
    expect(traitsOf(protocolTypeRouter({ websocket: http })).nodeListener).toBeUndefined()
    expect(traitsOf(protocolTypeRouter({ http: new Calls().app('http') })).nodeListener).toBeUndefined()
  })

  it('passes on the origin check of its websocket application, and claims one without such an application', () => {
    const unchecked = new Calls().app('websocket')
    const checked = setTraits(new Calls().app('websocket'), { checksOrigin: true })
    expect(traitsOf(protocolTypeRouter({ websocket: checked })).checksOrigin).toBe(true)
    expect(traitsOf(protocolTypeRouter({ websocket: unchecked })).checksOrigin).not.toBe(true)
    expect(traitsOf(protocolTypeRouter({ http: unchecked })).checksOrigin).toBe(true)
  })

  it('gives each entry the plain scope of its type, and accepts every scope', () => {
    const http: Application<HttpScope> = () => Promise.resolve()
    const websocket: Application<WebSocketScope> = () => Promise.resolve()
    const lifespan: Application<LifespanScope> = () => Promise.resolve()
    const channel: Application<ChannelScope> = () => Promise.resolve()
    const anyConnection: Application<HttpScope | WebSocketScope> = () => Promise.resolve()
    const anything: Application = () => Promise.resolve()
    const needsUser: Application<WebSocketScope & Authenticated> = () => Promise.resolve()
    const addUser = (inner: Application<WebSocketScope & Authenticated>): Application<WebSocketScope> => inner as never

    expectTypeOf(protocolTypeRouter({ http, websocket, lifespan, channel })).toExtend<Application>()
    protocolTypeRouter({ http: anyConnection, websocket: anyConnection })
    protocolTypeRouter({ http: anything, websocket: anything, lifespan: anything, channel: anything })
    protocolTypeRouter({ websocket: addUser(needsUser) })
    protocolTypeRouter({
      websocket: async (scope, receive, send) => {
        expectTypeOf(scope).toEqualTypeOf<WebSocketScope>()
        await receive()
        await send({ type: 'websocket.accept' })
      },
    })

    // @ts-expect-error: nothing puts the user in
    protocolTypeRouter({ websocket: needsUser })
    // @ts-expect-error: an HTTP application cannot serve WebSockets
    protocolTypeRouter({ websocket: http })
    // @ts-expect-error: there is no such scope type
    protocolTypeRouter({ websockets: websocket })
  })
})
