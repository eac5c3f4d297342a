import * as fc from 'fast-check'
import { exportJWK, generateKeyPair, SignJWT, type GenerateKeyPairResult } from 'jose'
import { createSecretKey, generateKeyPairSync } from 'node:crypto'
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  authMiddlewareStack,
  firstMessageTokenMiddleware,
  InvalidTokenError,
  jwtVerifier,
  Tickets,
  tokenMiddleware,
  type TokenMiddlewareOptions,
  type UserStore,
  type VerifiedToken,
} from 'tideway/auth'
import { serve, type RunningServer } from 'tideway/server'
import { afterEach, beforeEach, describe, expect, expectTypeOf, test, vi } from 'vitest'
import { WebSocket } from 'ws'

import { defineApplication } from '../../src/application/define-application.ts'
import type { Application } from '../../src/asgi/application.ts'
import type { HttpScope, WebSocketScope } from '../../src/asgi/scope.ts'
import type { User } from '../../src/asgi/user.ts'
import { byteText } from './arbitrary-text.ts'
import { httpScope, run, webSocketScope } from './connection.ts'

const secret = 'a secret that has the thirty-two bytes that HMAC wants'
const ada: User = { id: 'ada', username: 'ada', isAuthenticated: true }
const users: UserStore = { findById: (id) => (id === 'ada' ? ada : undefined) }
const verify = jwtVerifier({ secret })

interface Claims {
  readonly sub?: string
  readonly exp?: number | string
  readonly [name: string]: unknown
}

function jwt({ exp = '1m', ...claims }: Claims = {}, key = secret): Promise<string> {
  return new SignJWT({ sub: 'ada', ...claims })
    .setProtectedHeader({ alg: 'HS256' })
    .setExpirationTime(exp)
    .sign(createSecretKey(Buffer.from(key)))
}

const inSeconds = (seconds: number): number => Math.floor(Date.now() / 1000) + seconds

describe('jwtVerifier', () => {
  test('returns the subject, the expiry and the claims', async () => {
    const exp = inSeconds(60)
    expect(await verify(await jwt({ exp, role: 'admin' }))).toEqual({
      subject: 'ada',
      expiresAt: exp * 1000,
      claims: { sub: 'ada', exp, role: 'admin' },
    })
  })

  const none = `${Buffer.from('{"alg":"none"}').toString('base64url')}.${Buffer.from('{"sub":"ada","exp":9999999999}').toString('base64url')}.`
  test.each<[string, () => Promise<string>]>([
    ['forged', () => jwt({}, 'another secret that is just as long as the first')],
    ['truncated', async () => (await jwt()).slice(0, -1)],
    ['unsigned (alg none)', async () => none],
    ['expired', () => jwt({ exp: inSeconds(-6) })],
    ['not valid yet', () => jwt({ nbf: inSeconds(60) })],
    [
      'without an end',
      () => new SignJWT({ sub: 'ada' }).setProtectedHeader({ alg: 'HS256' }).sign(Buffer.from(secret)),
    ],
    ['without a subject', () => jwt({ sub: undefined as never })],
    ['empty', async () => ''],
  ])('rejects a token that is %s', async (_what, token) => {
    await expect(verify(await token())).rejects.toBeInstanceOf(InvalidTokenError)
  })

  test('tolerates a difference of the clocks', async () => {
    await verify(await jwt({ exp: inSeconds(-3) }))
    const strict = jwtVerifier({ secret, clockToleranceSeconds: 0 })
    await expect(strict(await jwt({ exp: inSeconds(-3) }))).rejects.toBeInstanceOf(InvalidTokenError)
  })

  test('requires the given issuer and audience', async () => {
    const strict = jwtVerifier({ secret, issuer: 'https://login.example', audience: ['chat', 'news'] })
    await strict(await jwt({ iss: 'https://login.example', aud: 'news' }))
    for (const claims of [
      { aud: 'news' },
      { iss: 'https://login.example' },
      { iss: 'https://login.example', aud: 'mail' },
    ]) {
      await expect(strict(await jwt(claims))).rejects.toBeInstanceOf(InvalidTokenError)
    }
  })

  test('rejects a token that was signed with the public key as a secret', async () => {
    const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const pem = publicKey.export({ type: 'spki', format: 'pem' }).toString()
    const byPublicKey = jwtVerifier({ publicKey, audience: false })
    await expect(byPublicKey(await jwt({}, pem))).rejects.toBeInstanceOf(InvalidTokenError)
  })

  test.each<[string, () => Promise<string>, string]>([
    [
      'whose subject is a number',
      () => jwt({ sub: 7 as never }),
      'The claim "sub" is of type number: it must be a string.',
    ],
    ['whose subject is empty', () => jwt({ sub: '' }), 'The claim "sub" is empty.'],
    ['that is too large', () => jwt({ filler: 'x'.repeat(8192) }), 'The token has more than 8192 characters.'],
  ])('gives the cause of rejecting a token %s', async (_what, token, message) => {
    await expect(verify(await token())).rejects.toMatchObject({
      code: 'ERR_INVALID_TOKEN',
      cause: expect.objectContaining({ message }) as Error,
    })
  })

  test('rejects a public key or a URL of keys without an audience', async () => {
    const { publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    for (const options of [{ publicKey }, { jwksUrl: 'https://login.example/jwks.json' }]) {
      expect(() => jwtVerifier(options as never)).toThrow(
        expect.objectContaining({
          code: 'ERR_BAD_OPTION',
          message: expect.stringContaining('needs audience') as string,
        }),
      )
      jwtVerifier({ ...options, audience: false })
      jwtVerifier({ ...options, audience: 'chat' })
    }
  })

  test.each([
    'https://login.example/jwks.json',
    'http://localhost:8080/jwks.json',
    'http://127.0.0.1:8080/jwks.json',
    'http://[::1]:8080/jwks.json',
  ])('accepts the key URL %s', (jwksUrl) => {
    expect(jwtVerifier({ jwksUrl, audience: 'chat' })).toBeTypeOf('function')
  })

  test.each(['http://login.example/jwks.json', 'http://127.0.0.1.evil.example/', 'file:///jwks.json', 'jwks.json'])(
    'refuses keys from %s, which may be an attacker’s',
    (jwksUrl) => {
      expect(() => jwtVerifier({ jwksUrl, audience: 'chat' })).toThrow(
        expect.objectContaining({ code: 'ERR_BAD_OPTION' }),
      )
    },
  )

  test('rejects a missing secret', () => {
    expect(() => jwtVerifier({ secret: undefined as never })).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_OPTION' }),
    )
  })

  test('rejects a short secret', () => {
    expect(() => jwtVerifier({ secret: 'x'.repeat(31) })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
    jwtVerifier({ secret: 'x'.repeat(32) })
  })

  test('throws only InvalidTokenError for arbitrary tokens', async () => {
    const part = fc.oneof(
      byteText,
      fc.json().map((json) => Buffer.from(json).toString('base64url')),
    )
    await fc.assert(
      fc.asyncProperty(fc.tuple(part, part, part), async (parts) => {
        await expect(verify(parts.join('.'))).rejects.toBeInstanceOf(InvalidTokenError)
      }),
    )
  })
})

describe('jwtVerifier with jwksUrl', () => {
  let keys: object[] = []
  let status = 200
  let reads = 0
  const issuer = createServer((_request, response) => {
    reads++
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify({ keys }))
  })
  let jwksUrl = ''

  beforeEach(async () => {
    keys = []
    status = 200
    reads = 0
    issuer.listen(0, '127.0.0.1')
    await once(issuer, 'listening')
    jwksUrl = `http://127.0.0.1:${(issuer.address() as AddressInfo).port}/jwks.json`
  })
  afterEach(() => {
    vi.useRealTimers()
    issuer.closeAllConnections()
    issuer.close()
  })

  async function publish(kid: string): Promise<GenerateKeyPairResult> {
    const pair = await generateKeyPair('ES256')
    keys.push({ ...(await exportJWK(pair.publicKey)), kid, alg: 'ES256' })
    return pair
  }

  function signed({ privateKey }: GenerateKeyPairResult, kid: string): Promise<string> {
    return new SignJWT({ sub: 'ada', aud: 'chat' })
      .setProtectedHeader({ alg: 'ES256', kid })
      .setExpirationTime('1h')
      .sign(privateKey)
  }

  test('reads the keys once and caches them', async () => {
    const pair = await publish('one')
    const verify = jwtVerifier({ jwksUrl, audience: 'chat' })
    await verify(await signed(pair, 'one'))
    await verify(await signed(pair, 'one'))
    expect(reads).toBe(1)
  })

  test('reads the keys again for a new key, and not for every unknown one', async () => {
    const old = await publish('one')
    const verify = jwtVerifier({ jwksUrl, audience: 'chat' })
    await verify(await signed(old, 'one'))
    const rotated = await publish('two')
    const token = await signed(rotated, 'two')
    await expect(verify(token)).rejects.toBeInstanceOf(InvalidTokenError)
    expect(reads).toBe(1)
    vi.useFakeTimers({ now: Date.now() + 30_001, toFake: ['Date'] })
    await verify(token)
    expect(reads).toBe(2)
  })

  test('rejects with 503 if the keys cannot be read', async () => {
    const pair = await publish('one')
    status = 500
    const verify = jwtVerifier({ jwksUrl, audience: 'chat' })
    await expect(verify(await signed(pair, 'one'))).rejects.toMatchObject({ status: 503 })
    issuer.closeAllConnections()
    issuer.close()
    await expect(jwtVerifier({ jwksUrl, audience: 'chat' })(await signed(pair, 'one'))).rejects.toMatchObject({
      status: 503,
    })
  })
})

type TokenScope<S> = S & { readonly user: User; readonly token: VerifiedToken | undefined }

/** Accepts, sends the user name and the offered subprotocols, and waits for the end. */
const whoAreYou: Application<TokenScope<WebSocketScope>> = async (scope, receive, send) => {
  await receive()
  await send({ type: 'websocket.accept' })
  await send({ type: 'websocket.send', text: [scope.user.username || 'anonymous', ...scope.subprotocols].join(' ') })
  for (let event = await receive(); event.type === 'websocket.receive'; event = await receive()) {
    await send({ type: 'websocket.send', text: `echo ${event.text ?? 'bytes'}` })
  }
}

let running: RunningServer | undefined
afterEach(async () => {
  await running?.close(1000)
  running = undefined
})

async function start(websocket: Application<WebSocketScope>): Promise<string> {
  const logger = { debug() {}, info() {}, warn() {}, error() {} }
  running = await serve(defineApplication({ websocket }), { port: 0, logger })
  return running.webSocketUrl
}

async function nextText(socket: WebSocket): Promise<string> {
  const [data] = (await once(socket, 'message')) as [Buffer]
  return data.toString()
}

async function statusOf(socket: WebSocket): Promise<number | undefined> {
  const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number; resume(): void }]
  response.resume()
  return response.statusCode
}

async function closeOf(socket: WebSocket): Promise<[code: number, reason: string]> {
  const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
  return [code, reason.toString()]
}

describe('tokenMiddleware', () => {
  const guarded = (options: Partial<TokenMiddlewareOptions> = {}) =>
    tokenMiddleware(whoAreYou, { verify, users, ...options })

  test('finds the user of an Authorization header', async () => {
    const url = await start(guarded())
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${await jwt()}` } })
    expect(await nextText(socket)).toBe('ada')
  })

  test('finds the user of a token among the subprotocols, answers with bearer, and hides both', async () => {
    const url = await start(guarded())
    const socket = new WebSocket(url, ['bearer', await jwt(), 'chat.v1'])
    expect(await nextText(socket)).toBe('ada chat.v1')
    expect(socket.protocol).toBe('bearer')
  })

  test('keeps the subprotocol that the application chose', async () => {
    const inner: Application<WebSocketScope> = async (_scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.accept', subprotocol: 'chat.v1' })
      await receive()
    }
    const url = await start(tokenMiddleware(inner, { verify, users }))
    const socket = new WebSocket(url, ['bearer', await jwt(), 'chat.v1'])
    await once(socket, 'open')
    expect(socket.protocol).toBe('chat.v1')
  })

  test('accepts a client without a token as anonymous, or answers with 401 if one is required', async () => {
    expect(await nextText(new WebSocket(await start(guarded())))).toBe('anonymous')
    await running?.close(1000)
    expect(await statusOf(new WebSocket(await start(guarded({ required: true }))))).toBe(401)
  })

  test.each([
    ['forged', () => jwt({}, 'another secret that is just as long as the first')],
    ['expired', () => jwt({ exp: inSeconds(-60) })],
    ['of a user who is gone', () => jwt({ sub: 'bob' })],
    ['no token', async () => 'nonsense'],
  ])('answers a token that is %s with 401 and calls no application', async (_what, token) => {
    const inner = vi.fn<Application<WebSocketScope>>()
    const url = await start(tokenMiddleware(inner, { verify, users }))
    const socket = new WebSocket(url, { headers: { authorization: `Bearer ${await token()}` } })
    expect(await statusOf(socket)).toBe(401)
    expect(inner).not.toHaveBeenCalled()
  })

  test('answers with 503 when the keys of the issuer cannot be read', async () => {
    const verify = jwtVerifier({ jwksUrl: 'http://127.0.0.1:1/', audience: false })
    const url = await start(guarded({ verify }))
    const { privateKey } = await generateKeyPair('ES256')
    const token = await new SignJWT({ sub: 'ada' })
      .setProtectedHeader({ alg: 'ES256' })
      .setExpirationTime('1h')
      .sign(privateKey)
    expect(await statusOf(new WebSocket(url, ['bearer', token]))).toBe(503)
  })

  test('closes the connection with 4401 when the token expires', async () => {
    const url = await start(
      guarded({ verify: async () => ({ subject: 'ada', expiresAt: Date.now() + 50, claims: {} }) }),
    )
    const socket = new WebSocket(url, ['bearer', 'short'])
    expect(await closeOf(socket)).toEqual([4401, 'token expired'])
  })

  test('keeps the user of an outer stack without a token', async () => {
    let seen: User | undefined
    const inner: Application<TokenScope<WebSocketScope>> = async ({ user }) => {
      seen = user
    }
    const withUser: Application<WebSocketScope> = (scope, receive, send) =>
      tokenMiddleware(inner, { verify, users })({ ...scope, user: ada } as WebSocketScope, receive, send)
    await run(withUser, webSocketScope())
    expect(seen).toBe(ada)
  })

  test('answers an HTTP request with 401', async () => {
    const inner: Application<HttpScope> = async () => {}
    const application = tokenMiddleware(inner, { verify, users })
    expect(await run(application, httpScope({ authorization: 'Bearer x' }))).toMatchObject([
      { type: 'http.response.start', status: 401 },
      { type: 'http.response.body' },
    ])
  })

  test('rejects options without verify and tickets', () => {
    expect(() => tokenMiddleware(whoAreYou, { users })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })

  test('removes the need of a user and a token from the scope', () => {
    expectTypeOf(guarded()).toExtend<Application<WebSocketScope>>()
    expectTypeOf(authMiddlewareStack(guarded())).toExtend<Application<WebSocketScope>>()
  })
})

describe('Tickets', () => {
  const withTickets = (tickets: Tickets) => tokenMiddleware(whoAreYou, { tickets, users })

  test('removes the oldest ticket of a user with 51, and keeps those of others', async () => {
    const tickets = new Tickets()
    const ofBob = await tickets.issue('bob')
    const ofAda: string[] = []
    for (let i = 0; i < 52; i++) ofAda.push(await tickets.issue('ada'))
    const redeemed = await Promise.all(ofAda.map((ticket) => tickets.redeem(ticket)))
    expect(redeemed).toEqual([undefined, undefined, ...Array<string>(50).fill('ada')])
    expect(await tickets.redeem(ofBob)).toBe('bob')
    // A used ticket no longer counts.
    expect(await tickets.redeem(await tickets.issue('ada'))).toBe('ada')
  })

  test('accepts a ticket once', async () => {
    const tickets = new Tickets()
    const url = await start(withTickets(tickets))
    const ticket = await tickets.issue('ada')
    expect(await nextText(new WebSocket(`${url}/?ticket=${ticket}`))).toBe('ada')
    expect(await statusOf(new WebSocket(`${url}/?ticket=${ticket}`))).toBe(401)
  })

  test('answers an invented ticket with 401', async () => {
    const url = await start(withTickets(new Tickets()))
    for (const ticket of ['', 'x', 'x'.repeat(32), '%00']) {
      expect(await statusOf(new WebSocket(`${url}/?ticket=${ticket}`))).toBe(401)
    }
  })

  test('rejects a ticket after its lifetime', async () => {
    const tickets = new Tickets({ lifeMs: 1000 })
    const early = await tickets.issue('ada')
    const late = await tickets.issue('ada')
    const now = Date.now()
    vi.useFakeTimers({ now: now + 900, toFake: ['Date'] })
    try {
      expect(await tickets.redeem(early)).toBe('ada')
      vi.setSystemTime(now + 1100)
      expect(await tickets.redeem(late)).toBeUndefined()
    } finally {
      vi.useRealTimers()
    }
  })

  test('removes the oldest ticket at the bound', async () => {
    const tickets = new Tickets()
    const first = await tickets.issue('first')
    const second = await tickets.issue('second')
    for (let i = 0; i < 9999; i++) await tickets.issue(i)
    expect(await tickets.redeem(first)).toBeUndefined()
    expect(await tickets.redeem(second)).toBe('second')
  })

  test.each([0, -1, Number.NaN, Infinity])('rejects a lifeMs of %d', (lifeMs) => {
    expect(() => new Tickets({ lifeMs })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })
})

describe('firstMessageTokenMiddleware', () => {
  const guarded = (timeoutMs = 5000) => firstMessageTokenMiddleware(whoAreYou, { verify, users, timeoutMs })

  test('finds the user of the first message, and gives the application a complete connection', async () => {
    const socket = new WebSocket(await start(guarded()))
    await once(socket, 'open')
    socket.send(await jwt())
    expect(await nextText(socket)).toBe('ada')
    socket.send('hello')
    expect(await nextText(socket)).toBe('echo hello')
  })

  test('reads the token of a message with tokenOf', async () => {
    const tokenOf = (text: string) => (JSON.parse(text) as { token?: string }).token
    const socket = new WebSocket(await start(firstMessageTokenMiddleware(whoAreYou, { verify, users, tokenOf })))
    await once(socket, 'open')
    socket.send(JSON.stringify({ token: await jwt() }))
    expect(await nextText(socket)).toBe('ada')
  })

  test('closes with 4401 after an invalid token, and after bytes', async () => {
    const inner = vi.fn<Application<WebSocketScope>>()
    const url = await start(firstMessageTokenMiddleware(inner, { verify, users }))
    for (const message of ['nonsense', '', Buffer.from([1, 2])]) {
      const socket = new WebSocket(url)
      await once(socket, 'open')
      socket.send(message)
      expect(await closeOf(socket)).toEqual([4401, 'token not valid'])
    }
    expect(inner).not.toHaveBeenCalled()
  })

  test('closes a silent client with 4401 after the timeout', async () => {
    expect(await closeOf(new WebSocket(await start(guarded(30))))).toEqual([4401, 'no token'])
  })

  test('closes with 4403 if the application rejects the handshake', async () => {
    const inner: Application<WebSocketScope> = async (_scope, receive, send) => {
      await receive()
      await send({ type: 'websocket.close' })
    }
    const socket = new WebSocket(await start(firstMessageTokenMiddleware(inner, { verify, users })))
    await once(socket, 'open')
    socket.send(await jwt())
    expect(await closeOf(socket)).toEqual([4403, 'forbidden'])
  })

  test('closes the connection with 4401 when the token expires', async () => {
    const verify = async (): Promise<VerifiedToken> => ({ subject: 'ada', expiresAt: Date.now() + 50, claims: {} })
    const socket = new WebSocket(await start(firstMessageTokenMiddleware(whoAreYou, { verify, users })))
    await once(socket, 'open')
    socket.send('token')
    expect(await closeOf(socket)).toEqual([4401, 'token expired'])
  })
})
