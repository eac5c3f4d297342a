import { NoRouteError } from 'tideway/asgi'
import { rePath, urlRouter } from 'tideway/routing'
import { describe, expect, it } from 'vitest'

import { call, Calls, httpScope, webSocketScope } from './connections.ts'

describe('rePath', () => {
  it('matches the regular expression anywhere in the path', async () => {
    const calls = new Calls()
    const router = urlRouter([rePath(/ws\/chat\/(?<roomName>\w+)\/$/, calls.app('chat'))])
    for (const to of ['/ws/chat/lobby/', '/v2/ws/chat/lobby/']) {
      await call(router, webSocketScope(to))
      expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { roomName: 'lobby' } })
    }
    for (const to of ['/ws/chat/lobby', '/ws/chat/a b/', '/ws/chat/lobby/x/', '/ws/chat/lobby/\n']) {
      await expect(call(router, webSocketScope(to))).rejects.toBeInstanceOf(NoRouteError)
    }
  })

  it('matches the path without its leading slash, so that "^" is the start of the first segment', async () => {
    const calls = new Calls()
    const router = urlRouter([rePath(/^ws\/$/, calls.app('ws'))])
    await call(router, webSocketScope('/ws/'))
    await expect(call(router, webSocketScope('/x/ws/'))).rejects.toBeInstanceOf(NoRouteError)
  })

  it('accepts the source of a regular expression', async () => {
    const calls = new Calls()
    await call(urlRouter([rePath(String.raw`^room/(?<id>\d+)/$`, calls.app('room'))]), httpScope('/room/7/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { id: '7' } })
  })

  it('returns unnamed groups as args, unless a group has a name', async () => {
    const calls = new Calls()
    const router = urlRouter([
      rePath(/^a\/(\w+)\/(\w+)\/$/, calls.app('unnamed')),
      rePath(/^b\/(\w+)\/(?<named>\w+)\/$/, calls.app('mixed')),
    ])
    await call(router, httpScope('/a/1/2/'))
    expect(calls.lastUrlRoute).toEqual({ args: ['1', '2'], kwargs: {} })
    await call(router, httpScope('/b/1/2/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: { named: '2' } })
  })

  it('omits a named group that did not match, and keeps the position of an unnamed one', async () => {
    const calls = new Calls()
    const router = urlRouter([
      rePath(/^a\/(?:(?<page>\d+)\/)?$/, calls.app('named')),
      rePath(/^b\/(?:(\d+)\/)?(\w+)\/$/, calls.app('unnamed')),
      rePath(/^c\/(?:(?<page>\d+)\/)?(\w+)\/$/, calls.app('mixed')),
    ])
    await call(router, httpScope('/a/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: {} })
    await call(router, httpScope('/b/x/'))
    expect(calls.lastUrlRoute).toEqual({ args: ['', 'x'], kwargs: {} })
    await call(router, httpScope('/c/x/'))
    expect(calls.lastUrlRoute).toEqual({ args: [], kwargs: {} })
  })

  it('passes on the path after the match', async () => {
    const calls = new Calls()
    await call(urlRouter([rePath(/b\//, calls.app('b'))]), httpScope('/a/b/c/'))
    expect(calls.lastScope.pathRemaining).toBe('c/')
  })

  it.each(['g', 'y', 'gy', 'd'])('matches every path from its start with the flag %j', async (flags) => {
    const calls = new Calls()
    const regexp = new RegExp('room/$', flags)
    const router = urlRouter([rePath(regexp, calls.app('room'))])
    for (let i = 0; i < 3; i += 1) await call(router, httpScope('/room/'))
    regexp.lastIndex = 3
    await call(router, httpScope('/room/'))
    expect(calls.names).toHaveLength(4)
    expect(regexp.lastIndex).toBe(3)
  })

  it('keeps flags that change what matches', async () => {
    const calls = new Calls()
    const router = urlRouter([rePath(/^raum\/\p{L}+\/$/iu, calls.app('room'))])
    await call(router, httpScope('/Raum/방/'))
    expect(calls.names).toEqual(['room'])
  })

  it('throws for an invalid regular expression, and explains the syntax of Python', () => {
    expect(() => rePath('room/(', new Calls().app('room'))).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_ROUTE', cause: expect.any(SyntaxError) as SyntaxError }),
    )
    expect(() => rePath(String.raw`^room/(?P<id>\d+)/$`, new Calls().app('room'))).toThrow(
      'A named group is "(?<name>…)" here, without the "P".',
    )
  })

  it.each([/^\/ws\//, '^/ws/', /^\/+ws/])(
    'rejects %s, which requires a leading slash and can never match',
    (pattern) => {
      expect(() => rePath(pattern, new Calls().app('ws'))).toThrow(
        expect.objectContaining({
          code: 'ERR_BAD_ROUTE',
          message: expect.stringContaining('can never match: paths are matched without their leading slash') as string,
        }),
      )
    },
  )

  it.each([/^\/?ws\/$/, /^\/*ws\/$/, /^\/{0,1}ws\/$/, /^\/ws\/$|^ws\/$/, /\/?ws\/$/])(
    'accepts %s, whose leading slash is optional',
    async (pattern) => {
      const calls = new Calls()
      await call(urlRouter([rePath(pattern, calls.app('ws'))]), webSocketScope('/ws/'))
      expect(calls.names).toEqual(['ws'])
    },
  )
})
