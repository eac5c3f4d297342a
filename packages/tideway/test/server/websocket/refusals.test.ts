import { afterEach, describe, expect, it, vi } from 'vitest'
import type { Application } from '../../../src/asgi/application.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { protocolTypeRouter } from '../../../src/routing/protocol-type-router.ts'
import { path } from '../../../src/routing/route.ts'
import { urlRouter } from '../../../src/routing/url-router.ts'
import { allowedHostsOriginValidator } from '../../../src/security/allowed-hosts.ts'
import { originValidator } from '../../../src/security/origin-validator.ts'
import { serve, type RunningServer } from '../../../src/server/serve.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText, validHandshake, type RawResponse } from '../raw-client.ts'
import { recordingLogger, serving, type LogLine } from '../serving.ts'

let running: RunningServer | undefined
let log: LogLine[] = []

afterEach(async () => {
  vi.unstubAllEnvs()
  await running?.close(1)
  running = undefined
})

/** Starts a server without a mark of an origin check, as an application of JavaScript comes. */
async function start(websocket: Application, environment = 'test'): Promise<RunningServer> {
  vi.stubEnv('NODE_ENV', environment)
  log = []
  running = await serve(protocolTypeRouter({ websocket }), {
    port: 0,
    lifespan: false,
    logger: recordingLogger(log),
  })
  // What it says at its start is the matter of other tests.
  log.length = 0
  return running
}

async function ask(
  { port }: { readonly port: number },
  headers: Readonly<Record<string, string>> = {},
  target = '/ws/',
): Promise<RawResponse> {
  const client = await RawClient.connect(port)
  try {
    client.write(requestText(`GET ${target} HTTP/1.1`, { ...validHandshake, ...headers }))
    const head = await client.head()
    if (head.status !== 101) await client.over()
    return { ...head, body: client.received.toString() }
  } finally {
    client.socket.destroy()
  }
}

const warnings = (): string[] => log.filter(({ level }) => level === 'warn').map(({ message }) => message)

// A function of this file: another file may mark `echo` as an application that checks the origin.
const app = ((...given) => echo(...given)) satisfies Application<WebSocketScope> as unknown as Application
const Host = 'chat.example'
const Cookie = 'session=1'
const foreign = { Host, Cookie, Origin: 'https://evil.example' }

describe('a server whose application has no origin validator', () => {
  it.each<[string, Record<string, string>, number]>([
    ['a page of another host that sends cookies', foreign, 403],
    ['a page of another port that sends cookies', { Host, Cookie, Origin: 'https://chat.example:8443' }, 403],
    ['a page that hides its origin and sends cookies', { Host, Cookie, Origin: 'null' }, 403],
    ['a page of a file that sends cookies', { Host, Cookie, Origin: 'file://' }, 403],
    ['a page of its own host that sends cookies', { Host, Cookie, Origin: 'https://chat.example' }, 101],
    ['a page of another host without cookies', { Host, Origin: 'https://evil.example' }, 101],
    ['a client without an Origin that sends cookies', { Host, Cookie }, 101],
  ])('answers %s in production: %#', async (_client, headers, status) => {
    expect((await ask(await start(app, 'production'), headers)).status).toBe(status)
    expect(running!.stats().handshakes.refused.foreignOrigin).toBe(status === 403 ? 1 : 0)
  })

  it('logs the reason once, and sends the client no reason in production', async () => {
    const server = await start(app, 'production')
    for (let i = 0; i < 3; i++) expect(await ask(server, foreign)).toMatchObject({ status: 403, body: 'Forbidden\n' })
    expect(warnings()).toEqual([
      'Refused a page of https://evil.example that sent cookies: this server is chat.example, and the application has no origin ' +
        'validator. Add it to allowedHosts of allowedHostsOriginValidator: ["https://evil.example", "https://chat.example"].',
    ])
  })

  it('names a proxy that may have replaced the Host', async () => {
    await ask(await start(app, 'production'), { ...foreign, Host: '127.0.0.1:8000', 'X-Forwarded-For': '192.0.2.1' })
    expect(warnings()[0]).toContain(
      'this server is 127.0.0.1:8000, as the proxy wrote it in Host (a proxy must forward Host)',
    )
  })

  it('accepts the page and warns once outside production', async () => {
    const server = await start(app)
    for (let i = 0; i < 3; i++) expect((await ask(server, foreign)).status).toBe(101)
    expect(warnings()).toEqual([
      expect.stringMatching(
        /^Accepted a page of https:\/\/evil\.example that sent cookies, which production refuses: /,
      ),
    ])
  })

  it('leaves the decision to a validator of the application', async () => {
    const server = await start(originValidator(echo, ['*']) as unknown as Application, 'production')
    expect((await ask(server, foreign)).status).toBe(101)
    expect(log).toEqual([])
  })
})

describe('a refused handshake', () => {
  const checked = (): Application => allowedHostsOriginValidator(echo) as unknown as Application
  const routes = urlRouter([
    path('ws/', echo),
    path('rooms/:room/', echo),
    path('api/', urlRouter([path('events/', echo)])),
  ]) as unknown as Application
  const page = { Host: 'localhost:8310', Origin: 'http://localhost:5173' }
  const refusedPage =
    'Refused a page of http://localhost:5173: this server is localhost:8310. ' +
    'Add it to allowedHosts: ["http://localhost:5173", "http://localhost:8310"].'

  it('is logged once for its Origin, and explained in the answer outside production', async () => {
    const server = await start(checked())
    for (let i = 0; i < 3; i++) expect(await ask(server, page)).toMatchObject({ status: 403, body: `${refusedPage}\n` })
    expect(warnings()).toEqual([refusedPage])
  })

  it('is logged for its Origin in production, without a reason in the answer', async () => {
    expect(await ask(await start(checked(), 'production'), page)).toMatchObject({ status: 403, body: 'Forbidden\n' })
    expect(warnings()).toEqual([refusedPage])
  })

  it.each([
    ['/ws', 'Did you mean "/ws/"?'],
    ['/wss/', 'Did you mean "/ws/"?'],
    ['/room/lobby/', 'Did you mean "/rooms/lobby/"?'],
    ['/rooms/lobby', 'Did you mean "/rooms/lobby/"?'],
    ['/api/evnets', 'Did you mean "/api/events/"?'],
    ['/', 'The routes are "/ws/", "/rooms/:room/", "/api/events/".'],
    ['/nothing/alike/', 'The routes are "/ws/", "/rooms/:room/", "/api/events/".'],
  ])('names the most similar route for the path %s, once', async (target, suggestion) => {
    const server = await start(routes)
    const message = `No route matches the path ${JSON.stringify(target)}. ${suggestion}`
    for (let i = 0; i < 2; i++) {
      expect(await ask(server, {}, `${target}?token=secret`)).toMatchObject({ status: 404, body: `${message}\n` })
    }
    expect(warnings()).toEqual([message])
  })

  it('is a debug line for its path in production, without the routes', async () => {
    const message = 'No route matches the path "/ws".'
    expect(await ask(await start(routes, 'production'), {}, '/ws')).toMatchObject({ status: 404, body: `${message}\n` })
    expect(log).toMatchObject([{ level: 'debug', message }])
  })

  it.each([
    [{ 'Sec-WebSocket-Protocol': 'a,a' }, 'Refused a handshake: Sec-WebSocket-Protocol is invalid.'],
    [{ 'Sec-WebSocket-Key': 'x' }, 'Refused a handshake: Sec-WebSocket-Key is missing or invalid.'],
  ])('is logged once if it is malformed (%j)', async (headers, message) => {
    const server = await start(app)
    for (let i = 0; i < 2; i++) expect((await ask(server, headers, '/ws/?token=secret')).status).toBe(400)
    expect(log).toEqual([{ level: 'warn', details: { path: '/ws/' }, message }])
  })

  it('is logged once with its Host, and in production only in the log', async () => {
    const plain = 'The Host is not one of the allowedHosts of this server.'
    const advice = 'The Host "other.example" is not one of the allowedHosts of this server. Add it if it is yours.'
    const headers = { Host: 'other.example:8000' }
    for (const [environment, body] of [
      ['test', advice],
      ['production', plain],
    ] as const) {
      vi.stubEnv('NODE_ENV', environment)
      const server = await serving({ websocket: echo }, { allowedHosts: ['chat.example'] })
      for (let i = 0; i < 2; i++) expect(await ask(server, headers)).toMatchObject({ status: 400, body: `${body}\n` })
      expect(server.log.map(({ message }) => message)).toContain(`Refused a handshake: ${advice}`)
    }
  })

  it('causes a warning if browsers refuse the answer because no offered subprotocol was chosen', async () => {
    const server = await serving({ websocket: echo })
    for (let i = 0; i < 2; i++)
      expect((await ask(server, { 'Sec-WebSocket-Protocol': 'bearer, secret' })).status).toBe(101)
    expect(server.log).toMatchObject([
      { level: 'warn', message: expect.stringContaining('none of the subprotocols') as string },
    ])
    expect(server.log[0]!.message).not.toContain('secret')
  })
})
