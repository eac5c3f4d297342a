import { NoRouteError, type Application } from 'tideway/asgi'
import { mount, path, rePath, urlRouter } from 'tideway/routing'
import { describe, expect, it } from 'vitest'

import { call, Calls, hidden, httpScope, webSocketScope } from './connections.ts'

describe('urlRouter within urlRouter', () => {
  it('joins the captures of regular expressions on the path', async () => {
    const calls = new Calls()
    const inner = urlRouter([
      rePath(/^book\/(?<book>[\w-]+)\/page\/(?<page>\d+)\/$/, calls.app('page')),
      rePath(/^test\/(\d+)\/$/, calls.app('test')),
    ])
    const outer = urlRouter([
      rePath(/^universe\/(?<universe>\d+)\/author\/(?<author>\w+)\//, inner),
      rePath(/^positional\/(\w+)\//, inner),
    ])
    await call(outer, httpScope('/universe/42/author/andrewgodwin/book/channels-guide/page/10/'))
    expect(calls.lastUrlRoute).toEqual({
      args: [],
      kwargs: { book: 'channels-guide', author: 'andrewgodwin', page: '10', universe: '42' },
    })
    await call(outer, httpScope('/positional/foo/test/3/'))
    expect(calls.lastUrlRoute).toEqual({ args: ['foo', '3'], kwargs: {} })
  })

  it('joins the captures of path patterns, with the inner router in path or behind middleware in mount', async () => {
    const calls = new Calls()
    const inner = urlRouter([path('test/<int:page>/', calls.app('test'))])
    await call(inner, httpScope('/test/3/'))
    for (const route of [path('number/<int:number>/', inner), mount('number/<int:number>/', hidden(hidden(inner)))]) {
      const outer = urlRouter([route])
      await call(outer, httpScope('/number/42/test/3/'))
      expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { number: 42, page: 3 } })
      for (const to of ['/number/42/test/3/bla/', '/number/42/blub/']) {
        await expect(call(outer, httpScope(to))).rejects.toMatchObject({ code: 'ERR_NO_ROUTE', path: to })
      }
    }
  })

  it('continues with the next route of the outer router if the inner one has no match', async () => {
    const calls = new Calls()
    const inner = urlRouter([path('no-match/', calls.app('inner'))])
    for (const around of [(app: Application<never>) => app, hidden]) {
      const outer = urlRouter([
        mount('prefix/', around(inner) as typeof inner),
        path('prefix/stuff/', calls.app('outer')),
      ])
      const outermost = urlRouter([mount('', around(outer) as typeof outer)])
      await call(outermost, httpScope('/prefix/stuff/'))
      await call(outermost, httpScope('/root/prefix/stuff/', { rootPath: '/root' }))
      for (const to of ['/root/root/prefix/stuff/', '/root/prefix/root/stuff/']) {
        await expect(call(outermost, httpScope(to, { rootPath: '/root' }))).rejects.toMatchObject({ path: to })
      }
    }
    expect(calls.names).toEqual(['outer', 'outer', 'outer', 'outer'])
  })

  it('lets inner kwargs override outer ones, and applies extra kwargs at their own level', async () => {
    const calls = new Calls()
    const inner = urlRouter([path(':a/:b/', calls.app('inner'), { b: 'extra' })])
    const outer = urlRouter([mount(':a/:c/', inner, { c: 'outer extra', d: 1 })])
    await call(outer, webSocketScope('/1/2/3/4/'))
    expect(calls.lastUrlRoute!.kwargs).toEqual({ a: '3', b: 'extra', c: 'outer extra', d: 1 })
  })

  it('removes slashes between the prefix and the rest', async () => {
    const calls = new Calls()
    const inner = urlRouter([path('rooms/', calls.app('rooms')), path('', calls.app('index'))])
    const outer = urlRouter([path('slash/', inner), path('bare', inner)])
    for (const to of ['/slash/rooms/', '/slash//rooms/', '/bare/rooms/', '/bare//rooms/'])
      await call(outer, httpScope(to))
    for (const to of ['/slash/', '/bare', '/bare/']) await call(outer, httpScope(to))
    expect(calls.names).toEqual(['rooms', 'rooms', 'rooms', 'rooms', 'index', 'index', 'index'])
    await expect(call(outer, httpScope('/slash'))).rejects.toBeInstanceOf(NoRouteError)
  })

  it('ends a prefix at the end of a segment', async () => {
    const calls = new Calls()
    const outer = urlRouter([mount('api', calls.app('api')), mount('year/<int:year>', calls.app('year'))])
    await call(outer, httpScope('/api/rooms'))
    expect(calls.lastScope.pathRemaining).toBe('/rooms')
    await call(outer, httpScope('/year/2012'))
    expect(calls.lastScope.pathRemaining).toBe('')
    for (const to of ['/apis', '/apis/rooms', '/year/2012bc/']) {
      await expect(call(outer, httpScope(to))).rejects.toBeInstanceOf(NoRouteError)
    }
  })

  it('passes the rest of the path to an application that is not a router', async () => {
    const calls = new Calls()
    const router = urlRouter([mount('files/:owner/', calls.app('files'))])
    await call(router, httpScope('/files/ada/a/b.txt'))
    expect(calls.lastScope).toMatchObject({
      path: '/files/ada/a/b.txt',
      pathRemaining: 'a/b.txt',
      urlRoute: { kwargs: { owner: 'ada' } },
    })
  })

  it('removes rootPath once in a chain of routers', async () => {
    const calls = new Calls()
    const router = urlRouter([mount('a/', hidden(urlRouter([path('a/b/', calls.app('b'))])))])
    await call(router, httpScope('/a/a/a/b/', { rootPath: '/a' }))
    expect(calls.names).toEqual(['b'])
  })

  it('tries the routes in order across middleware, and calls each application once', async () => {
    const calls = new Calls()
    const level = (name: string) => hidden(urlRouter([path(`${name}/`, calls.app(name))]))
    const router = urlRouter([
      mount('', level('one')),
      mount('', hidden(urlRouter([mount('', level('two')), mount('', level('three'))]))),
      mount('', calls.app('last')),
    ])
    for (const name of ['one', 'two', 'three', 'four']) await call(router, webSocketScope(`/${name}/`))
    expect(calls.names).toEqual(['one', 'two', 'three', 'last'])
  })

  it('does not continue after an error of an application in a mount, even if it is a no-route error', async () => {
    const calls = new Calls()
    const own = new NoRouteError('/elsewhere')
    const throwing: Application = () => Promise.reject(own)
    const router = urlRouter([
      mount('a/', throwing),
      mount('b/', hidden(urlRouter([path('c/', throwing)]))),
      mount('', calls.app('never')),
    ])
    await expect(call(router, httpScope('/a/'))).rejects.toBe(own)
    await expect(call(router, httpScope('/b/c/'))).rejects.toBe(own)
    expect(calls.names).toEqual([])
  })

  it('does not continue after a no-route error of a router that the matched application called itself', async () => {
    const calls = new Calls()
    const empty = urlRouter([])
    const asksAnother: Application = async (scope) => {
      await call(empty as Application, { ...scope, pathRemaining: 'x' } as typeof scope)
    }
    const asksWithoutRoute: Application = async () => {
      await call(empty, httpScope('/x/'))
    }
    const router = urlRouter([
      mount('a/', hidden(urlRouter([path('b/', asksAnother)]))),
      mount('c/', asksWithoutRoute),
      mount('', calls.app('never')),
    ])
    await expect(call(router, httpScope('/a/b/'))).rejects.toBeInstanceOf(NoRouteError)
    await expect(call(router, httpScope('/c/'))).rejects.toMatchObject({ path: '/x/' })
    expect(calls.names).toEqual([])
  })

  it('does not confuse the no-route errors of two connections', async () => {
    const calls = new Calls()
    let first: unknown
    const inner = urlRouter([])
    const keepsTheFirst: Application = async (scope) => {
      if (first !== undefined) throw first
      await call(inner as Application, scope).catch((error: unknown) => {
        first = error
        throw error
      })
    }
    const router = urlRouter([mount('', keepsTheFirst), mount('', calls.app('fallback'))])
    await call(router, httpScope('/1/'))
    await expect(call(router, httpScope('/2/'))).rejects.toBe(first)
    expect(calls.names).toEqual(['fallback'])
  })

  it('does not continue after a path route or a regular expression that ends in $', async () => {
    const calls = new Calls()
    const inner = hidden(urlRouter([path('x/', calls.app('x'))]))
    const router = urlRouter([path('a/', inner), rePath(/^b\/$/, inner), mount('', calls.app('fallback'))])
    for (const to of ['/a/', '/b/']) {
      await expect(call(router, httpScope(to))).rejects.toMatchObject({
        code: 'ERR_NO_ROUTE',
        message: `No route of an inner urlRouter matches "", the rest of the path "${to}".`,
      })
    }
    expect(calls.names).toEqual([])
  })

  it('continues after a regular expression that does not end in $, as after a mount', async () => {
    const calls = new Calls()
    const inner = hidden(urlRouter([path('x/', calls.app('x'))]))
    const router = urlRouter([rePath(/^a\//, inner), rePath(/^b\$/, inner), mount('', calls.app('fallback'))])
    for (const to of ['/a/x/', '/a/y/', '/a/', '/b$/x/', '/b$/y/']) await call(router, httpScope(to))
    expect(calls.names).toEqual(['x', 'fallback', 'fallback', 'x', 'fallback'])
  })

  it('calls middleware once for a route behind it', async () => {
    let entered = 0
    const counting =
      (inner: Application): Application =>
      (scope, receive, send) => {
        entered += 1
        return inner(scope, receive, send)
      }
    const calls = new Calls()
    const inner = urlRouter([path('a/', calls.app('a')), path('b/', calls.app('b'))]) as Application
    await call(urlRouter([mount('', counting(inner))]), httpScope('/b/'))
    expect(entered).toBe(1)
    expect(calls.names).toEqual(['b'])
  })
})
