import { path, urlRouter } from 'tideway/routing'
import { describe, expect, it } from 'vitest'

import { call, Calls, httpScope } from './connections.ts'

/** The kwargs that the pattern gives for the path, or `undefined` where it does not match. */
async function kwargsOf(pattern: string, to: string): Promise<unknown> {
  const calls = new Calls()
  await call(urlRouter([path(pattern, calls.app('app'))]), httpScope(`/${to}`)).catch(() => {})
  return calls.names.length === 0 ? undefined : calls.lastUrlRoute!.kwargs
}

const uuid = '6f9619ff-8b86-d011-b42d-00cf4fc964ff'

describe('path()', () => {
  it.each([
    [':name', 'attic', { name: 'attic' }],
    ['rooms/:name/', 'rooms/a b.c-d~é/', { name: 'a b.c-d~é' }],
    ['rooms/:room/:user', 'rooms/1/2', { room: '1', user: '2' }],
    ['<name>', 'attic', { name: 'attic' }],
    ['<str:name>', 'attic', { name: 'attic' }],
    ['user-<name>.<str:format>', 'user-ada.l.json', { name: 'ada.l', format: 'json' }],
    ['<int:year>/', '2012/', { year: 2012 }],
    ['<int:year>/', '007/', { year: 7 }],
    ['<int:a>-<int:b>', '1-2', { a: 1, b: 2 }],
    ['<slug:post>', 'A-post_1', { post: 'A-post_1' }],
    ['<uslug:room>/', '한국어-방_1/', { room: '한국어-방_1' }],
    ['<uslug:room>/', 'हिन्दी/', { room: 'हिन्दी' }],
    ['<uslug:room>/', '𠮷野/', { room: '𠮷野' }],
    ['<uslug:a>😀<str:b>', '方😀é😀', { a: '方', b: 'é😀' }],
    ['<uuid:id>/', `${uuid}/`, { id: uuid }],
    ['<path:file>', 'a/b//c', { file: 'a/b//c' }],
    ['<path:file>', 'line\nbreak', { file: 'line\nbreak' }],
    ['<path:folder>/edit/', 'a/edit/b/edit/', { folder: 'a/edit/b' }],
    ['at/12:30/', 'at/12:30/', {}],
    ['a.b+c(d)[e]{f}|g\\h?*', 'a.b+c(d)[e]{f}|g\\h?*', {}],
    ['<str:a><str:b>', '😀😀', { a: '😀', b: '😀' }],
  ])('matches with the pattern %j the path %j', async (pattern, to, kwargs) => {
    expect(await kwargsOf(pattern, to)).toEqual(kwargs)
  })

  it.each([
    [':name', ''],
    [':name', 'a/b'],
    ['rooms/:name/', 'rooms//'],
    ['<int:year>', '-1'],
    ['<int:year>', '1.0'],
    ['<int:year>', '1e3'],
    ['<int:year>', '١٢'],
    ['<slug:post>', 'é'],
    ['<slug:post>', 'a.b'],
    ['<uslug:room>', '한 방'],
    ['<uslug:room>', '방/1'],
    ['<uslug:room>', '방!'],
    ['<uslug:room>', '방😀'],
    ['<uslug:room>', ''],
    ['<uuid:id>', uuid.toUpperCase()],
    ['<uuid:id>', uuid.slice(1)],
    ['<path:file>', ''],
    ['a.b', 'axb'],
    ['foo', 'FOO'],
    ['<str:a><str:b>', '😀'],
  ])('does not match with the pattern %j the path %j', async (pattern, to) => {
    expect(await kwargsOf(pattern, to)).toBeUndefined()
  })

  it('matches integers up to Number.MAX_SAFE_INTEGER, and none above', async () => {
    expect(await kwargsOf('<int:id>', String(Number.MAX_SAFE_INTEGER))).toEqual({ id: Number.MAX_SAFE_INTEGER })
    expect(await kwargsOf('<int:id>', '9007199254740992')).toBeUndefined()
    expect(await kwargsOf('<int:id>', '9'.repeat(400))).toBeUndefined()
  })

  it('matches a long path in linear time, for which a regular expression would backtrack for hours', async () => {
    const to = `${'a/x/b/y-'.repeat(4000)}!`
    expect(
      await kwargsOf('<path:a>/x/<path:b>/y-<path:c>/x/<str:d>/y-<path:e><str:f><str:g>/<int:h>', to),
    ).toBeUndefined()
    expect(await kwargsOf('<path:a>/y-<str:b>', to)).toEqual({ a: to.slice(0, -4), b: '!' })
  })

  it.each([
    ['/foo/', 'starts with a slash: paths are matched without their leading slash, so leave it out.'],
    ['^foo/$', 'looks like a regular expression: give it to rePath'],
    ['foo/$', 'looks like a regular expression'],
    ['<number:id>', 'has the unknown converter "number"; there are: int, str, slug, uslug, uuid, path.'],
    ['<:id>', 'has the unknown converter "";'],
    ['<constructor:id>', 'has the unknown converter "constructor";'],
    ['a/<int:id', 'has a "<" without its ">" in "<int:id".'],
    ['a/<int:id/>', 'has a "<" without its ">" in "<int:id".'],
    ['a/<<id>>', 'has a "<" without its ">"'],
    ['a/int:id>', 'has a ">" without its "<" in "int:id>".'],
    ['<int:>', 'has a parameter whose name is not an identifier: "".'],
    ['<>', 'has a parameter whose name is not an identifier: "".'],
    ['<int: id>', 'has a parameter whose name is not an identifier: " id".'],
    ['<int:a:b>', 'has a parameter whose name is not an identifier: "a:b".'],
    [':1st/', 'has a parameter whose name is not an identifier: "1st".'],
    ['a/:', 'has a parameter whose name is not an identifier: "".'],
    [':name?', 'has a parameter whose name is not an identifier: "name?".'],
    ['user-:id/', 'has a ":" inside a segment: ":name" stands for a whole one. Write "<str:name>", or rePath'],
    [':id/<int:id>/', 'has two parameters named "id".'],
  ])('throws for the pattern %j', (pattern, message) => {
    expect(() => path(pattern, new Calls().app('app'))).toThrow(
      expect.objectContaining({
        code: 'ERR_BAD_ROUTE',
        message: expect.stringContaining(`The path pattern ${JSON.stringify(pattern)} ${message}`) as string,
      }),
    )
  })
})
