import * as fc from 'fast-check'
import {
  cookieMiddleware,
  deleteCookie,
  readCookies,
  setCookie,
  type CookieAttributes,
  type Cookies,
} from 'tideway/auth'
import { describe, expect, test } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import { HeaderList } from '../../src/asgi/headers.ts'
import type { HttpResponseStartEvent } from '../../src/asgi/http-events.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import { TidewayError } from '../../src/errors/tideway-error.ts'
import { anyText, byteText } from './arbitrary-text.ts'
import { httpScope, run, setCookiesOf, webSocketScope } from './connection.ts'

const start: HttpResponseStartEvent = { type: 'http.response.start', status: 200, headers: [['x-first', 'kept']] }

async function cookiesSeen(headers: ConstructorParameters<typeof Headers>[0] | [string, string][]): Promise<Cookies> {
  let seen: Cookies | undefined
  const inner: Application<HttpScope & { readonly cookies: Cookies }> = async (scope) => {
    seen = scope.cookies
  }
  await run(cookieMiddleware(inner), httpScope(headers as [string, string][]))
  return seen!
}

describe('cookieMiddleware', () => {
  test('adds the percent-decoded cookies of a request by name', async () => {
    expect(await cookiesSeen([['Cookie', 'a=1; b=caf%C3%A9; c="quoted"']])).toEqual({
      a: '1',
      b: 'café',
      c: '"quoted"',
    })
  })

  test('reads every Cookie header, as HTTP/2 splits them', async () => {
    expect(
      await cookiesSeen([
        ['cookie', 'a=1'],
        ['x', 'y'],
        ['cookie', 'b=2'],
      ]),
    ).toEqual({ a: '1', b: '2' })
  })

  test('adds no cookies without a header', async () => {
    expect(await cookiesSeen([])).toEqual({})
  })

  test('uses the first of two cookies with one name', async () => {
    expect(await cookiesSeen([['cookie', 'a=closest; a=farther']])).toEqual({ a: 'closest' })
  })

  test('keeps cookies with names of object properties', async () => {
    const cookies = await cookiesSeen([['cookie', '__proto__=x; constructor=y']])
    expect(cookies['constructor']).toBe('y')
    expect(cookies['toString']).toBeUndefined()
  })

  test('does not change the outer scope', async () => {
    const scope = webSocketScope({ cookie: 'a=1' })
    await run(
      cookieMiddleware(async () => {}),
      scope,
    )
    expect(scope).not.toHaveProperty('cookies')
  })

  test('rejects a scope without headers', async () => {
    const inner: Application<WebSocketScope> = async () => {}
    const scope = { type: 'lifespan' } as unknown as WebSocketScope
    await expect(run(cookieMiddleware(inner), scope)).rejects.toMatchObject({
      code: 'ERR_MISSING_SCOPE',
      message: 'cookieMiddleware needs scope.headers: give it HTTP and WebSocket scopes only.',
    })
  })

  test('reads a header of 1 MB', () => {
    const cookies = readCookies(HeaderList.from({ cookie: `a=1; ${'x;'.repeat(500_000)} b=${'%'.repeat(100)}` }))
    expect(cookies['a']).toBe('1')
  })

  test('never throws for arbitrary headers', () => {
    fc.assert(
      fc.property(byteText, (cookie) => {
        readCookies(HeaderList.from({ cookie }))
      }),
    )
  })
})

describe('setCookie', () => {
  test('adds the golden header of the reference', () => {
    expect(setCookiesOf(setCookie(start, 'Testing-Key', 'testing-value'))).toEqual([
      'Testing-Key=testing-value; Path=/; SameSite=Lax',
    ])
  })

  test('returns a new event with the existing headers', () => {
    const event = setCookie(setCookie(start, 'a', '1'), 'b', '2')
    expect(setCookiesOf(event)).toHaveLength(2)
    expect(event.headers).toContainEqual(['x-first', 'kept'])
    expect(setCookiesOf(start)).toEqual([])
  })

  test('sets a cookie in the answer to a WebSocket handshake', () => {
    const event = setCookie({ type: 'websocket.accept', subprotocol: 'chat' }, 'a', '1')
    expect(event.subprotocol).toBe('chat')
    expect(setCookiesOf(event)).toEqual(['a=1; Path=/; SameSite=Lax'])
  })

  test('writes Expires with Max-Age', () => {
    const [header] = setCookiesOf(setCookie(start, 'a', '1', { maxAge: 60 }))
    expect(header).toMatch(/^a=1; Max-Age=60; Path=\/; Expires=\w{3}, .* GMT; SameSite=Lax$/)
  })

  test.each([
    [{ httpOnly: true }, 'a=1; Path=/; HttpOnly; SameSite=Lax'],
    [{ secure: true, path: '/x', domain: 'example.com' }, 'a=1; Domain=example.com; Path=/x; Secure; SameSite=Lax'],
    [{ sameSite: 'Strict' }, 'a=1; Path=/; SameSite=Strict'],
    [{ sameSite: 'none', secure: true }, 'a=1; Path=/; Secure; SameSite=None'],
    [{ partitioned: true, secure: true }, 'a=1; Path=/; Secure; Partitioned; SameSite=Lax'],
  ] as const)('writes the attributes %o', (attributes, header) => {
    expect(setCookiesOf(setCookie(start, 'a', '1', attributes))).toEqual([header])
  })

  test.each<[CookieAttributes, string]>([
    [{}, 'a=b; Path=/; SameSite=Lax'],
    [{ sameSite: false }, 'a=b; Path=/'],
    [{ sameSite: 'None', secure: true, partitioned: true }, 'a=b; Path=/; Secure; Partitioned; SameSite=None'],
    [{ priority: 'high' }, 'a=b; Path=/; Priority=High; SameSite=Lax'],
  ])('writes the attributes %j as %s', (attributes, header) => {
    expect(setCookiesOf(setCookie({ type: 'websocket.accept' }, 'a', 'b', attributes))).toEqual([header])
  })

  test('encodes characters that a cookie cannot contain', () => {
    expect(setCookiesOf(setCookie(start, 'a', 'x; Path=/evil\r\n'))).toEqual([
      'a=x%3B%20Path%3D%2Fevil%0D%0A; Path=/; SameSite=Lax',
    ])
  })

  test.each([
    ['a b', '1', {}],
    ['a', '\ud800', {}],
    ['a', '1', { path: '/;x' }],
    ['a', '1', { domain: 'a b' }],
    ['a', '1', { sameSite: 'sometimes' as 'lax' }],
    ['a', '1', { maxAge: Number.NaN }],
    ['a', '1', { expires: new Date(Number.NaN) }],
  ])('rejects the cookie %j=%j with %o', (name, value, attributes) => {
    expect(() => setCookie(start, name, value, attributes)).toThrow(expect.objectContaining({ code: 'ERR_BAD_COOKIE' }))
  })

  test('throws only ERR_BAD_COOKIE for arbitrary input', () => {
    const text = anyText
    fc.assert(
      fc.property(text, text, text, text, (name, value, path, domain) => {
        const header = headerOrCode(() => setCookie(start, name, value, { path, domain }))
        // eslint-disable-next-line no-control-regex -- characters that must never be in a header
        expect(header).not.toMatch(/[\u0000-\u001f\u007f]/)
      }),
    )
  })
})

/** Returns the header of the event, or the code of its TidewayError. Rethrows all other errors. */
function headerOrCode(make: () => HttpResponseStartEvent): string {
  try {
    return setCookiesOf(make())[0]!
  } catch (error) {
    if (error instanceof TidewayError && error.code === 'ERR_BAD_COOKIE') return error.code
    throw error
  }
}

describe('deleteCookie', () => {
  test('sets an empty cookie that expired in 1970', () => {
    expect(setCookiesOf(deleteCookie(start, 'a', { path: '/x' }))).toEqual([
      'a=; Max-Age=0; Path=/x; Expires=Thu, 01 Jan 1970 00:00:00 GMT; SameSite=Lax',
    ])
  })
})
