import type { Application } from 'tideway/asgi'
import { mount, path, rePath, urlRouter } from 'tideway/routing'
import { describe, expect, it } from 'vitest'

import { hidden } from './connections.ts'

const app: Application = () => Promise.resolve()
const inner = urlRouter([path('x/', app)])

describe('urlRouter with a route that an earlier one makes unreachable', () => {
  it.each([
    ['the same literal path', path('foo/', app), path('foo/', app)],
    ['the same pattern under other names', path('a/:b/<int:c>/', app), path('a/<d>/<int:e>/', app)],
    ['a literal after a parameter', path(':a/', app), path('foo/', app)],
    ['a literal after a number', path('<int:a>/', app), path('2012/', app)],
    ['a literal after a regular expression to the end', rePath(/^\w+\/$/, app), path('foo/', app)],
    ['the root after a regular expression for anything', rePath(/^.*$/, app), path('', app)],
    ['a number after any text', path('a/:b/', app), path('a/<int:c>/', app)],
    ['a number after a slug', path('<slug:b>/', app), path('<int:c>/', app)],
    ['a slug after one of any language', path('<uslug:b>/', app), path('<slug:c>/', app)],
    ['a slug of any language after any text', path(':b/', app), path('<uslug:c>/', app)],
    ['a UUID after a slug', path('<slug:b>/', app), path('<uuid:c>/', app)],
    ['a literal segment after a parameter', path(':a/:b/', app), path('foo/:b/', app)],
    ['half a literal segment after a parameter', path(':a/:b/', app), path(':b/user-<int:id>/', app)],
    ['things under a path', path('<path:file>', app), path('a/:b/c', app)],
    ['a path after a path', path('a/<path:b>', app), path('a/<path:c>/d/', app)],
    ['a path after a path with the same end', path('<path:b>/edit/', app), path('a/<path:c>/edit/', app)],
    ['a literal after a path with an end', path('<path:b>/edit/', app), path('a/edit/', app)],
    ['parameters around which a path fits', path(':x/<path:b>/:y/', app), path('a/<int:i>/<int:j>/b/', app)],
    ['a mount under a path', path('<path:file>', app), mount('a/', inner)],
    ['a mount without a slash under a path', path('<path:file>', app), mount('a', inner)],
    ['the same pattern with two paths', path('<path:a>/x/<path:b>', app), path('<path:c>/x/<path:d>', app)],
    ['the same regular expression', rePath(/^a(b)c$/, app), rePath('^a(b)c$', app)],
    ['the same regular expression to an inner router', rePath(/^a(b)c$/, app), rePath('^a(b)c$', inner)],
  ])('throws for %s', (_, earlier, later) => {
    expect(() => urlRouter([path('before/', app), earlier, rePath(/^between\/\d$/, app), later])).toThrow(
      expect.objectContaining({
        code: 'ERR_BAD_ROUTE',
        message:
          `Route 4 of the urlRouter, ${later.description}, can never be reached: route 2, ${earlier.description}, ` +
          'matches all of its paths. Put the narrower route first, or remove one.',
      }),
    )
  })

  it('names the routes as they were written', () => {
    expect(() => urlRouter([path(':a/', app), path('foo/', app)])).toThrow(
      'Route 2 of the urlRouter, path("foo/"), can never be reached: route 1, path(":a/"),',
    )
    expect(() => urlRouter([path('<path:a>', app), mount('foo/', app)])).toThrow('mount("foo/")')
    expect(() => urlRouter([rePath(/^a$/i, app), rePath(/^a$/i, app)])).toThrow('rePath(/^a$/i)')
  })
})

describe('urlRouter with two routes that are both reachable', () => {
  it.each([
    ['the narrower one first', path('foo/', app), path(':a/', app)],
    ['a slash more', path('foo', app), path('foo/', app)],
    ['a parameter and the empty segment', path('a/:b', app), path('a/', app)],
    ['the root and a path', path('<path:file>', app), path('', app)],
    ['a mount at the root after a path', path('<path:file>', app), mount('', inner)],
    ['a mount where the path begins', path('a/<path:file>', app), mount('a/', inner)],
    ['a mount where the path begins, without a slash', path('a/<path:file>', app), mount('a', inner)],
    ['any text after a number', path('<int:a>/', app), path(':b/', app)],
    ['a number after a UUID', path('<uuid:a>/', app), path('<int:b>/', app)],
    ['a number that is not exact', path('<int:a>/', app), path('9007199254740992/', app)],
    ['a path after a parameter', path(':a', app), path('<path:b>', app)],
    ['a path before an end of its own', path('<path:b>/edit/', app), path('<path:b>/', app)],
    ['a path that needs something before the end', path('<path:b>/edit/', app), path('edit/', app)],
    ['a path within its neighbours', path('a/<path:b>/c/', app), path('a/c/', app)],
    ['a path in half a segment', path('a<path:b>', app), path('a<str:b>/c', app)],
    ['the same mount twice', mount('a/', inner), mount('a/', inner)],
    ['anything after a mount at the root', mount('', inner), path('x/', app)],
    ['anything after a router in path', path('', inner), path('x/', app)],
    ['the same regular expression to routers', rePath(/^a\//, hidden(inner)), rePath(/^a\//, hidden(inner))],
    ['regular expressions that differ in a flag', rePath(/^a$/, app), rePath(/^a$/i, app)],
    ['a regular expression that does not match the literal', rePath(/^\d+\/$/, app), path('foo/', app)],
    ['a pattern after a regular expression', rePath(/^\w+\/$/, app), path('<int:a>/', app)],
  ])('does not throw for %s', (_, earlier, later) => {
    expect(() => urlRouter([earlier, later])).not.toThrow()
  })
})
