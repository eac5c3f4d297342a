import { traitsOf, setTraits, NoRouteError, type Application, type Scope } from 'tideway/asgi'
import { WebSocketConsumer } from 'tideway/consumer'
import { channelNameRouter, path, protocolTypeRouter, rePath, urlRouter } from 'tideway/routing'
import { describe, expect, it } from 'vitest'

import { call, Calls, channelScope, hidden, httpScope, webSocketScope } from './connections.ts'

describe('urlRouter', () => {
  it('calls the first route that matches, with args, kwargs and extra kwargs', async () => {
    const calls = new Calls()
    const router = urlRouter([
      path('', calls.app('root')),
      path('foo/', calls.app('foo')),
      rePath(/bar/, calls.app('bar')),
      rePath(/^posarg\/(\d+)\/$/, calls.app('posarg')),
      path('kwarg/<str:name>/', calls.app('kwarg')),
      path('defaultkwargs/', calls.app('defaultkwargs'), { default: 42 }),
    ])
    for (const to of ['/', '/foo/', '/bar/', '/bar/baz/']) await call(router, httpScope(to))
    expect(calls.names).toEqual(['root', 'foo', 'bar', 'bar'])

    await call(router, httpScope('/posarg/123/'))
    expect(calls.lastUrlRoute).toEqual({ args: ['123'], kwargs: {} })
    await call(router, httpScope('/posarg/456/'))
    expect(calls.lastUrlRoute).toEqual({ args: ['456'], kwargs: {} })
    await call(router, httpScope('/kwarg/hello/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { name: 'hello' } })
    await call(router, httpScope('/kwarg/hellothere/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { name: 'hellothere' } })
    await call(router, httpScope('/defaultkwargs/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { default: 42 } })
    expect(calls.names.slice(4)).toEqual(['posarg', 'posarg', 'kwarg', 'kwarg', 'defaultkwargs'])
  })

  it('reads the parameters of path patterns, numbers as numbers', async () => {
    const calls = new Calls()
    const router = urlRouter([
      path('', calls.app('root')),
      path('foo/', calls.app('foo')),
      path('author/<name>/', calls.app('author')),
      path('year/<int:year>/', calls.app('year')),
    ])
    await call(router, httpScope('/author/andrewgodwin/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { name: 'andrewgodwin' } })
    await call(router, httpScope('/year/2012/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { year: 2012 } })
    await expect(call(router, httpScope('/nonexistent/'))).rejects.toBeInstanceOf(NoRouteError)
  })

  it('removes rootPath, and rejects a path that is not under it', async () => {
    const calls = new Calls()
    const router = urlRouter([path('', calls.app('root')), path('foo/', calls.app('foo'))])
    for (const to of ['/root/', '/root', '/root/foo/']) await call(router, httpScope(to, { rootPath: '/root' }))
    await call(router, httpScope('/root/foo/', { rootPath: '/root/' }))
    await call(router, httpScope('/foo/', { rootPath: '/' }))
    expect(calls.names).toEqual(['root', 'root', 'foo', 'foo', 'foo'])
    for (const to of ['/', '/foo/', '/rooted/', '/rootfoo/', '/Root/']) {
      await expect(call(router, httpScope(to, { rootPath: '/root' }))).rejects.toMatchObject({
        code: 'ERR_NO_ROUTE',
        path: to,
        message: `The path "${to}" is not under the rootPath "/root" of the server.`,
      })
    }
  })

  it('rejects a path without a route with ERR_NO_ROUTE and the whole path', async () => {
    const router = urlRouter([path('foo/', new Calls().app('foo'))])
    const error: unknown = await call(router, webSocketScope('/no/"such\n')).catch((error: unknown) => error)
    expect(error).toBeInstanceOf(NoRouteError)
    expect(error).toMatchObject({
      name: 'NoRouteError',
      code: 'ERR_NO_ROUTE',
      status: 404,
      path: '/no/"such\n',
      message: String.raw`No route matches the path "/no/\"such\n".`,
    })
  })

  it('removes leading slashes of the path, and keeps all others', async () => {
    const calls = new Calls()
    const router = urlRouter([path('foo/bar/', calls.app('foo'))])
    await call(router, webSocketScope('///foo/bar/'))
    await call(router, webSocketScope('foo/bar/'))
    expect(calls.names).toEqual(['foo', 'foo'])
    await expect(call(router, webSocketScope('/foo//bar/'))).rejects.toBeInstanceOf(NoRouteError)
  })

  it('matches the whole path, including a trailing slash', async () => {
    const router = urlRouter([path('foo/:a/', new Calls().app('foo'))])
    for (const to of ['/foo/x', '/foo/x/y', '/foo/x/y/', '/foo//', '/foo/', '/xfoo/x/', '/foo/x/\n']) {
      await expect(call(router, httpScope(to))).rejects.toBeInstanceOf(NoRouteError)
    }
  })

  it('passes on a copy of the scope, and does not change the original', async () => {
    const calls = new Calls()
    const scope = Object.freeze(webSocketScope('/rooms/attic/'))
    await call(urlRouter([path('rooms/:name/', calls.app('room'))]), scope)
    expect(calls.lastScope).toEqual({
      ...scope,
      pathRemaining: '',
      urlRoute: { args: [], kwargs: { name: 'attic' } },
    })
    expect(scope).not.toHaveProperty('urlRoute')
  })

  it('lets extra kwargs override captured ones of any type', async () => {
    const calls = new Calls()
    const router = urlRouter([path('rooms/:name/', calls.app('room'), { name: ['always', 'this'], more: true })])
    await call(router, httpScope('/rooms/attic/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { name: ['always', 'this'], more: true } })
  })

  it('accepts a kwarg named __proto__', async () => {
    const calls = new Calls()
    await call(urlRouter([path(':__proto__/', calls.app('room'))]), httpScope('/x/'))
    expect(Object.entries(calls.lastUrlRoute!.kwargs)).toEqual([['__proto__', 'x']])
    expect(Object.getPrototypeOf(calls.lastUrlRoute!.kwargs)).toBe(Object.prototype)
  })

  it('matches the decoded path, so that kwargs are decoded too', async () => {
    const calls = new Calls()
    await call(urlRouter([path('rooms/:name/', calls.app('room'))]), webSocketScope('/rooms/대화 방/'))
    expect(calls.lastUrlRoute!.kwargs).toEqual({ name: '대화 방' })
  })

  it('returns the promise of the called application itself', () => {
    const ended = Promise.resolve()
    const application: Application = () => ended
    const router = urlRouter([path('foo/', application)])
    expect(
      router(
        httpScope('/foo/'),
        () => new Promise(() => {}),
        () => {},
      ),
    ).toBe(ended)
  })

  it('passes on an error of the application, even a no-route error', async () => {
    const thrown = new NoRouteError('/elsewhere')
    const calls = new Calls()
    const router = urlRouter([path('foo/', () => Promise.reject(thrown)), rePath(/^foo/, calls.app('never'))])
    await expect(call(router, httpScope('/foo/'))).rejects.toBe(thrown)
    expect(calls.names).toEqual([])
  })

  it('rejects a scope without a path, and names the place for the router', async () => {
    const router = urlRouter([]) as Application
    const scopes: Scope[] = [channelScope('thumbnails'), { type: 'lifespan', asgi: channelScope('').asgi }]
    for (const scope of scopes) {
      await expect(call(router, scope)).rejects.toMatchObject({
        code: 'ERR_NO_APPLICATION',
        message: expect.stringContaining(
          `"${scope.type}", which has no path: give the router to protocolTypeRouter`,
        ) as string,
      })
    }
  })

  it('keeps the routes that it was created with', async () => {
    const calls = new Calls()
    const routes = [path('foo/', calls.app('foo'))]
    const router = urlRouter(routes)
    routes.pop()
    await call(router, httpScope('/foo/'))
    expect(calls.names).toEqual(['foo'])
  })

  it('throws for a value that is not an application', () => {
    class ChatConsumer extends WebSocketConsumer {}
    const wrong = (application: unknown) => () => path('ws/', application as Application)
    expect(wrong(ChatConsumer)).toThrow(
      'path("ws/") needs an application; it is a consumer class. Write ChatConsumer.asApplication().',
    )
    expect(wrong(undefined)).toThrow(expect.objectContaining({ code: 'ERR_BAD_ROUTE' }))
    expect(wrong({})).toThrow('path("ws/") needs an application, a function; it is of type object.')
  })

  it('has the mark of an origin check when every application behind it has', () => {
    const calls = new Calls()
    const checked = setTraits(calls.app('checked'), { checksOrigin: true })
    const unchecked = calls.app('unchecked')
    expect(traitsOf(urlRouter([path('a/', checked), path('b/', urlRouter([path('', checked)]))])).checksOrigin).toBe(
      true,
    )
    expect(traitsOf(urlRouter([path('a/', checked), path('b/', unchecked)])).checksOrigin).not.toBe(true)
    expect(traitsOf(hidden(urlRouter([path('a/', checked)]))).checksOrigin).not.toBe(true)
  })

  it('works in a protocolTypeRouter for both kinds of connection, next to a channelNameRouter', async () => {
    const calls = new Calls()
    const routes = urlRouter([path('foo/', calls.app('foo'))])
    const application = protocolTypeRouter({
      http: routes,
      websocket: routes,
      channel: channelNameRouter({ thumbnails: calls.app('thumbnails') }),
    })
    await call(application, httpScope('/foo/'))
    await call(application, webSocketScope('/foo/'))
    await call(application, channelScope('thumbnails'))
    expect(calls.names).toEqual(['foo', 'foo', 'thumbnails'])
  })
})
