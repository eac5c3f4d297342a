import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import type { Stream } from '../../packages/tideway/test/live/http-client.ts'
import type { Visitor } from '../chat/visitor.ts'
import type { RunningProgram } from '../setup/child-process.ts'
import { Browser } from './browser.ts'
import type { SeenScope } from './fixture/application.ts'
import { SITE_NAME, type Certificate, type Site } from './site.ts'

/** A proxy that runs with its file of deploy/, with the ports and paths of a test. */
export interface RunningProxy {
  readonly program: RunningProgram
  /** Where it speaks TLS. */
  readonly port: number
  /** Where it does not. */
  readonly plainPort: number
  /** A time after which it ends a connection on which nothing moves, shortened for the test; `undefined`: it never does. */
  readonly idleMs?: number
  /** Whether it takes a handshake that a process refuses, because it stops, to another one: the client does not know. */
  readonly hidesRestarts: boolean
}

/** What the tests of one proxy may use beside what all of them have to do. */
export interface ProxyFixture {
  readonly proxy: () => RunningProxy
  readonly browser: () => Browser
  /** Opens a WebSocket that is closed after the test. */
  readonly open: Browser['open']
}

/** Between two questions which process answers: proxies limit handshakes. */
const ASK_EVERY_MS = 50

/**
 * Tests that every proxy of deploy/ passes, with its file there. `more` adds tests. The caller stops the proxy, which
 * `given().started` receives.
 */
export function describeProxy(
  given: () => {
    readonly site: Site
    readonly certificate: Certificate
    readonly started: (proxy: RunningProxy, browser: Browser) => void
  },
  start: (site: Site, certificate: Certificate) => Promise<RunningProxy>,
  more: (fixture: ProxyFixture) => void = () => {},
): void {
  let site: Site
  let proxy: RunningProxy
  let browser: Browser
  let idle: Visitor
  let idleStream: Stream
  let idleSince = 0
  const visitors: Visitor[] = []

  beforeAll(async () => {
    const { certificate, started } = given()
    site = given().site
    proxy = await start(site, certificate)
    browser = await Browser.of(proxy.port, certificate)
    started(proxy, browser)
    await bothAreAsked(site, browser)
    // For a test of below: silence takes its time.
    idle = await browser.open('/ws/chat/idle/')
    idleStream = await browser.stream('/ws/live/', { [`room.idle-${proxy.port}`]: {} })
    idleSince = Date.now()
  })

  afterEach(async () => {
    await Promise.all(visitors.splice(0).map((visitor) => visitor.leave()))
  })

  afterAll(() => {
    idle?.socket.terminate()
    idleStream?.end()
  })

  /** The answer to a request to the live consumer over HTTP. */
  async function requested(m: string, d: unknown): Promise<unknown> {
    const headers = { origin: `https://${browser.host}` }
    const body = { t: 'request', id: randomUUID(), m, d }
    const answer = await browser.fetch('/ws/live/', { method: 'POST', headers, body })
    return (JSON.parse(answer.body) as readonly [{ readonly ok?: unknown }])[0].ok
  }

  async function open(...args: Parameters<Browser['open']>): Promise<Visitor> {
    const visitor = await browser.open(...args)
    visitors.push(visitor)
    return visitor
  }

  it('carries a chat over wss across both processes', async () => {
    const people = await Promise.all([1, 2, 3, 4].map(() => open('/ws/chat/lobby/')))
    people[0]!.tell({ message: 'Hello' })
    const heard = await Promise.all(people.map((one) => one.next(() => true)))
    expect(heard).toEqual(people.map(() => ({ message: 'Hello', user: '' })))
  })

  it("sends HTTP to the web application's own server", async () => {
    const { status, body } = await browser.fetch('/server')
    expect([status, JSON.parse(body)]).toEqual([200, { server: 'web', proto: 'https', upgrade: '' }])
    expect((await browser.fetch('/')).body).toContain('<html')
  })

  it('redirects a page without TLS to https', async () => {
    const asked = request({
      host: '127.0.0.1',
      port: proxy.plainPort,
      path: '/rooms/a?b',
      headers: { host: SITE_NAME },
    })
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    response.resume()
    expect([301, 308]).toContain(response.statusCode)
    expect(response.headers.location).toBe(`https://${SITE_NAME}/rooms/a?b`)
  })

  it("gives the application the client's own address, the scheme wss and the name of the site", async () => {
    const seen = { client: '127.0.0.9', scheme: 'wss', host: browser.host }
    const claims = [
      {},
      { 'X-Forwarded-For': '192.0.2.1', 'X-Forwarded-Proto': 'http', 'X-Forwarded-Port': '1' },
      { Forwarded: 'for=192.0.2.1;proto=http' },
      { 'X-Forwarded-For': '192.0.2.1', Forwarded: 'for=192.0.2.2;proto=http', 'X-Real-IP': '192.0.2.3' },
    ]
    // Twice each, as either process may be asked.
    const asked = [...claims, ...claims]
    const answers = await Promise.all(
      asked.map(async (headers) => scopeOf(await open('/ws/scope/', { address: '127.0.0.9', headers }))),
    )
    expect(answers).toEqual(asked.map(() => ({ ...seen, pid: expect.any(Number) as number })))
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2)
  })

  it('logs a user in by a Secure cookie of the web server, and out of every WebSocket', async () => {
    const account = { name: `Anna ${proxy.port}`, password: 'correct horse' }
    const signedUp = await browser.fetch('/api/me/account', { method: 'POST', body: account })
    const cookie = String(signedUp.headers['set-cookie'])
    expect(cookie).toMatch(/; Secure/)
    expect(cookie).toMatch(/; HttpOnly/)
    const headers = { cookie: cookie.split(';')[0]! }
    const [here, there] = [await open('/ws/chat/users/', { headers }), await open('/ws/chat/users/', { headers })]
    here.tell({ message: 'It is me' })
    expect(await there.next(() => true)).toEqual({ message: 'It is me', user: account.name })
    const closed = Promise.all([here, there].map(({ socket }) => once(socket, 'close')))
    await browser.fetch('/api/me/logout', { method: 'POST', headers, body: {} })
    expect((await closed).map(([code]) => code as number)).toEqual([4401, 4401])
  })

  it('refuses a page of another site', async () => {
    expect(await browser.refusal('/ws/chat/lobby/', { origin: 'https://evil.example' })).toBe(403)
    expect(await browser.refusal('/ws/chat/lobby/', { origin: `https://${SITE_NAME}:1` })).toBe(403)
  })

  it('accepts an upload of 10 MB', async () => {
    const body = Buffer.alloc(10 * 1024 * 1024, 'x')
    const answer = await browser.fetch('/upload', { method: 'POST', body })
    expect([answer.status, answer.body]).toEqual([200, JSON.stringify({ bytes: body.length })])
  })

  it('keeps a silent connection open beyond the timeout of the proxy, because tideway pings', async () => {
    if (proxy.idleMs !== undefined) await delay(Math.max(0, idleSince + 1.6 * proxy.idleMs - Date.now()))
    expect(idle.socket.readyState).toBe(idle.socket.OPEN)
    idle.tell({ message: 'still here' })
    expect(await idle.next(() => true)).toEqual({ message: 'still here', user: '' })
  })

  it('carries the stream of a live consumer at once, beyond its timeout, and requests to any process', async () => {
    if (proxy.idleMs !== undefined) await delay(Math.max(0, idleSince + 1.6 * proxy.idleMs - Date.now()))
    // Open ones too, so that a proxy that chooses the process with the fewest connections chooses both.
    const more = await Promise.all(
      [1, 2, 3].map(() => browser.stream('/ws/live/', { [`room.idle-${proxy.port}`]: {} })),
    )
    for (const one of [idleStream, ...more]) expect(await one.take(2)).toMatchObject([{ t: 'hi' }, { t: 'joined' }])
    for (const text of ['one', 'two']) {
      await requested('say', { room: `idle-${proxy.port}`, text })
      for (const one of [idleStream, ...more]) expect(await one.next()).toMatchObject({ e: 'said', d: { text } })
    }
    for (const one of more) one.end()
  })

  more({ proxy: () => proxy, browser: () => browser, open })
}

/** Waits until the proxy sends handshakes to both processes: one that looks after them once a second needs one for that. */
export async function bothAreAsked(site: Site, browser: Browser): Promise<void> {
  const missing = new Set(site.processes.map((one) => one.pid()))
  const asked: Visitor[] = []
  while (missing.size > 0) {
    const visitor = await browser.open('/ws/scope/')
    asked.push(visitor)
    missing.delete((await scopeOf(visitor)).pid)
    await delay(ASK_EVERY_MS)
  }
  await Promise.all(asked.map((visitor) => visitor.leave()))
}

async function scopeOf(visitor: Visitor): Promise<SeenScope> {
  return (await visitor.next(() => true)) as unknown as SeenScope
}

/** The text of a file of deploy/ with the ports and paths of a test: each is replaced wherever it stands, and has to be there. */
export function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((filled, [placeholder, value]) => {
    if (!filled.includes(placeholder)) throw new Error(`There is no ${JSON.stringify(placeholder)} to fill in.`)
    return filled.replaceAll(placeholder, value)
  }, text)
}
