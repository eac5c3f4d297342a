import * as fc from 'fast-check'
import { allowedHostsOriginValidator, originValidator } from 'tideway/security'
import { describe, expect, expectTypeOf, test, vi } from 'vitest'

import type { Application } from '../../src/asgi/application.ts'
import { consoleLogger } from '../../src/asgi/logger.ts'
import { traitsOf } from '../../src/asgi/application-traits.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import type { Routed } from '../../src/asgi/url-route.ts'
import { parseOrigin } from '../../src/asgi/origin.ts'
import { anyText, byteText } from '../auth/arbitrary-text.ts'
import { httpScope, run, webSocketScope } from '../auth/connection.ts'

const inner: Application<WebSocketScope> = async (_scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.accept' })
}

type Headers = Record<string, string> | [string, string][]

/** Whether a handshake with these headers is accepted. */
async function isAccepted(application: Application<WebSocketScope>, headers: Headers): Promise<boolean> {
  const sent = await run(application, webSocketScope(headers), [{ type: 'websocket.connect' }])
  if (sent.length === 1 && sent[0]!.type === 'websocket.accept') return true
  expect(sent).toEqual([{ type: 'websocket.close', reason: expect.stringMatching(/^Refused a /) as string }])
  return false
}

describe('originValidator', () => {
  // The connections of upstream's test. `*.allowed-domain.com`, which rejects all origins there, is rejected itself here.
  test.each<[readonly string[], string | undefined, boolean]>([
    [['allowed-domain.com'], 'http://allowed-domain.com', true],
    [['allowed-domain.com'], 'http://bad-domain.com', false],
    [['.allowed-domain.com'], 'http://www.allowed-domain.com', true],
    [['.allowed-domain.com'], 'http://allowed-domain.com', true],
    [['http://allowed-domain.com'], 'http://allowed-domain.com', true],
    [['http://allowed-domain.com'], 'https://bad-domain.com:443', false],
    [['*'], undefined, true],
    [[], 'http://allowed-domain.com', false],
    [['.allowed-domain.com'], '', false],
    [['.allowed-domain.com'], 'something-invalid', false],

    [['allowed-domain.com'], undefined, false],
    [['allowed-domain.com'], 'null', false],
    [['*'], 'null', true],
    [['*'], '', true],
    [['allowed-domain.com'], 'https://allowed-domain.com:8443', true],
    [['allowed-domain.com'], 'HTTPS://Allowed-Domain.COM', true],
    [['Allowed-Domain.com'], 'https://allowed-domain.com', true],
    [['allowed-domain.com'], 'https://allowed-domain.com.', true],
    [['allowed-domain.com'], 'https://www.allowed-domain.com', false],
    [['allowed-domain.com'], 'https://allowed-domain.com.bad-domain.com', false],
    [['.allowed-domain.com'], 'https://not-allowed-domain.com', false],
    [['.allowed-domain.com'], 'https://a.b.allowed-domain.com', true],
    [['http://allowed-domain.com'], 'ws://allowed-domain.com', false],
    [['http://allowed-domain.com'], 'https://allowed-domain.com', false],
    [['http://allowed-domain.com'], 'http://allowed-domain.com:8080', false],
    [['http://allowed-domain.com'], 'http://allowed-domain.com:80', true],
    [['https://allowed-domain.com:443'], 'https://allowed-domain.com', true],
    [['wss://allowed-domain.com'], 'wss://allowed-domain.com:443', true],
    [['http://.allowed-domain.com:8080'], 'http://www.allowed-domain.com:8080', true],
    [['allowed-domain.com'], 'http://allowed-domain.com:65535', true],
    [['allowed-domain.com'], 'http://allowed-domain.com:65536', false],
    [['allowed-domain.com'], 'http://allowed-domain.com:999999999999', false],
    [['allowed-domain.com'], 'http://allowed-domain.com:', false],
    [['allowed-domain.com'], 'http://allowed-domain.com/path', false],
    [['allowed-domain.com'], 'http://user@allowed-domain.com', false],
    [['allowed-domain.com'], 'http://bad-domain.com#allowed-domain.com', false],
    [['allowed-domain.com'], 'http://bad-domain.com http://allowed-domain.com', false],
    [['[::1]'], 'http://[::1]:8000', true],
    [['::1'], 'http://[::1]:8000', true],
    [['[0:0:0:0:0:0:0:1]'], 'http://[::1]', true],
    [['127.0.0.1'], 'http://127.0.0.1:3000', true],
    [['münchen.example'], 'https://xn--mnchen-3ya.example', true],
    [['chrome-extension://abcdef'], 'chrome-extension://abcdef', true],
    [['chrome-extension://abcdef'], 'chrome-extension://abcdeg', false],
    [['a.com', 'b.com'], 'http://b.com', true],
    [['allowed-domain.com'], 'file://allowed-domain.com', false],
    [['allowed-domain.com'], 'chrome-extension://allowed-domain.com', false],
    [['.allowed-domain.com'], 'app://www.allowed-domain.com', false],
    [['file://'], 'file://', true],
    [['file://'], 'File://', true],
    [['file://'], 'file://.', false],
    [['file://'], 'app://', false],
    [['file://'], 'null', false],
    [['file://'], 'https://allowed-domain.com', false],
    [['app://.'], 'app://.', true],
    [['app://.'], 'app://other', false],
    [['allowed-domain.com', 'capacitor://localhost'], 'capacitor://localhost', true],
    [['allowed-domain.com'], 'file://', false],
  ])('with %j accepts the origin %j: %s', async (allowed, origin, accepted) => {
    expect(await isAccepted(originValidator(inner, allowed), origin === undefined ? {} : { origin })).toBe(accepted)
  })

  test('rejects a handshake with two different origins', async () => {
    const application = originValidator(inner, ['a.com'])
    expect(
      await isAccepted(application, [
        ['origin', 'http://bad.com'],
        ['origin', 'http://a.com'],
      ]),
    ).toBe(false)
    expect(
      await isAccepted(application, [
        ['origin', 'http://a.com'],
        ['origin', 'http://a.com'],
      ]),
    ).toBe(true)
  })

  test('rejects an origin of 1 MB', async () => {
    expect(
      await isAccepted(originValidator(inner, ['.a.com']), { origin: `http://${'x.'.repeat(500_000)}a.com` }),
    ).toBe(false)
  })

  test.each([
    ['*.allowed-domain.com', /write \.example\.com/],
    ['http://*', /a star/],
    ['a.com:8000', /a port needs its scheme/],
    ['.a.com:8000', /a port needs its scheme/],
    ['null', /any site can send it/],
    ['', /has no valid host/],
    ['.', /has no valid host/],
    ['..a.com', /has no valid host/],
    ['.[::1]', /has no valid host/],
    ['[::g]', /has no valid host/],
    ['a b.com', /has no valid host/],
    ['user@a.com', /has no valid host/],
    ['https://a.com/', /no path/],
    ['a.com/chat', /no path/],
    ['https://', /has no valid host/],
    ['https://a.com:65536', /port up to 65535/],
    ['://a.com', /form scheme/],
    ['https://.', /has no valid host/],
    ['://', /has no valid host/],
  ])('rejects the entry %j, which no origin can match', (pattern, reason) => {
    const build = () => originValidator(inner, ['fine.com', pattern])
    expect(build).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
    expect(build).toThrow(reason)
  })

  test('never throws for arbitrary origins', async () => {
    const application = originValidator(inner, ['.a.com', 'https://b.com:8443', '[::1]'])
    const like = fc.stringMatching(/^https?:\/\/[a-c.:[\]0-9@/]{0,20}(:\d{0,7})?$/)
    await fc.assert(
      fc.asyncProperty(fc.oneof(byteText, like), async (origin) => {
        await isAccepted(application, { origin })
        await isAccepted(allowedHostsOriginValidator(inner), { origin, host: origin })
      }),
    )
  })

  test('throws only ERR_BAD_OPTION for arbitrary entries', () => {
    const codeOf = (pattern: string): string => {
      try {
        originValidator(inner, [pattern])
        return 'built'
      } catch (error) {
        return (error as { code?: string }).code ?? String(error)
      }
    }
    const like = fc.stringMatching(/^(https?:\/\/)?[a-c.:*[\]0-9@/ü]{0,20}(:\d{0,7})?$/)
    fc.assert(
      fc.property(fc.oneof(anyText, like), (pattern) => {
        expect(['built', 'ERR_BAD_OPTION']).toContain(codeOf(pattern))
      }),
    )
  })

  test('rejects a scope that is not a WebSocket, with advice', async () => {
    const application = originValidator(inner, ['*']) as unknown as Application<HttpScope>
    await expect(run(application, httpScope())).rejects.toMatchObject({
      code: 'ERR_MISSING_SCOPE',
      message: expect.stringContaining('put it around the websocket application of protocolTypeRouter') as string,
    })
  })

  test.each<[string, Headers, string]>([
    [
      'with a list',
      { origin: 'http://localhost:5173', host: 'localhost:8310' },
      'Refused a page of http://localhost:5173: allowedHosts has no such origin. Add it to allowedHosts: ["http://localhost:5173"].',
    ],
    [
      'without an Origin',
      { host: 'localhost:8310' },
      'Refused a client that sends no Origin: allowedHosts has no such origin. A client that is not a browser must send the header Origin, or allowedHosts must contain "*", which is safe only without cookies.',
    ],
    [
      'with a hidden origin',
      { origin: 'null', host: 'localhost:8310' },
      'Refused a page that hides its origin ("null"): allowedHosts has no such origin. Such an Origin cannot be allowed alone.',
    ],
  ])('logs %s the rejected origin and the line to write, once', async (_case, headers, message) => {
    const application = allowedHostsOriginValidator(inner, { allowedHosts: ['example.com'] })
    const lines: string[] = []
    const logger = { ...consoleLogger, warn: (_details: object, line: string) => lines.push(line) }
    for (let i = 0; i < 3; i++)
      await run(application, webSocketScope(headers, { logger }), [{ type: 'websocket.connect' }])
    expect(lines).toEqual([message])
  })

  test('logs at most 100 rejected origins', async () => {
    const application = originValidator(inner, ['example.com'])
    const lines: string[] = []
    const logger = { ...consoleLogger, warn: (_details: object, line: string) => lines.push(line) }
    for (let i = 0; i < 150; i++) {
      await run(application, webSocketScope({ origin: `https://${i}.example` }, { logger }), [
        { type: 'websocket.connect' },
      ])
    }
    expect(lines).toHaveLength(100)
  })

  test('marks its application, so that a server need not warn', () => {
    expect(traitsOf(inner).checksOrigin).not.toBe(true)
    expect(traitsOf(originValidator(inner, ['*'])).checksOrigin).toBe(true)
    expect(traitsOf(allowedHostsOriginValidator(inner)).checksOrigin).toBe(true)
  })

  test('needs the scope of its application', () => {
    const routed: Application<WebSocketScope & Routed> = async () => {}
    expectTypeOf(originValidator(routed, [])).toExtend<Application<WebSocketScope & Routed>>()
    expectTypeOf(originValidator(routed, [])).not.toExtend<Application<WebSocketScope>>()
    expectTypeOf(allowedHostsOriginValidator(inner)).toExtend<Application<WebSocketScope>>()
  })
})

describe('allowedHostsOriginValidator', () => {
  test.each<[string | undefined, string | undefined, boolean]>([
    ['localhost:8000', 'http://localhost:8000', true],
    ['my-laptop:8000', 'http://my-laptop:8000', true],
    ['[::1]:8000', 'http://[::1]:8000', true],
    ['example.com', 'http://example.com', true],
    ['example.com', 'https://example.com', true],
    ['example.com:443', 'https://example.com', true],
    ['Example.com', 'https://example.com:443', true],
    ['localhost:8000', 'http://localhost:3000', false],
    ['localhost:8000', 'http://127.0.0.1:8000', false],
    ['localhost:8000', 'http://bad-domain.com', false],
    ['example.com', 'https://www.example.com', false],
    ['localhost:8000', undefined, false],
    ['localhost:8000', 'null', false],
    ['localhost:99999', 'http://localhost:99999', false],
    ['', 'http://', false],
    [undefined, 'http://localhost:8000', false],
    ['abcdef', 'chrome-extension://abcdef', false],
  ])('without a list and with Host %j accepts the origin %j: %s', async (host, origin, accepted) => {
    const headers: [string, string][] = []
    if (host !== undefined) headers.push(['host', host])
    if (origin !== undefined) headers.push(['origin', origin])
    expect(await isAccepted(allowedHostsOriginValidator(inner), headers)).toBe(accepted)
  })

  test('rejects a handshake with two Host headers, without a list', async () => {
    const headers: [string, string][] = [
      ['host', 'a.com'],
      ['host', 'b.com'],
      ['origin', 'http://a.com'],
    ]
    expect(await isAccepted(allowedHostsOriginValidator(inner), headers)).toBe(false)
  })

  test.each<[string, string, boolean]>([
    ['www.example.com', 'https://www.example.com', true],
    ['example.com', 'https://other.com', false],
    ['bad.com', 'https://bad.com', false],
  ])('ignores the Host with a list: %j and %j: %s', async (host, origin, accepted) => {
    const application = allowedHostsOriginValidator(inner, { allowedHosts: ['.example.com'] })
    expect(await isAccepted(application, { host, origin })).toBe(accepted)
  })

  test('rejects every client with an empty list', async () => {
    const application = allowedHostsOriginValidator(inner, { allowedHosts: [] })
    expect(await isAccepted(application, { host: 'a.com', origin: 'http://a.com' })).toBe(false)
  })
})

describe('parseOrigin', () => {
  test('parses a repeated origin once, and caches 64', async () => {
    // A new import of the module, because other tests have filled its cache.
    vi.resetModules()
    const { parseOrigin: parse } = await import('../../src/asgi/origin.ts')
    const names = Array.from({ length: 64 }, (_, i) => `https://${i}.example`)
    const first = names.map((name) => parse(name))
    expect(first.map((origin) => `https://${origin?.host}`)).toEqual(names)
    expect(names.every((name, i) => parse(name) === first[i])).toBe(true)
    parse('https://one-more.example')
    expect(parse(names[0]!)).not.toBe(first[0])
    expect(parse(names[0]!)).toEqual(first[0])
  })

  test('returns undefined for an invalid origin each time', () => {
    expect(['null', 'null', 'http://', 'http://'].map((value) => parseOrigin(value))).toEqual(Array(4).fill(undefined))
  })
})
