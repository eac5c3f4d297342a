import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'
import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'

import type { Visitor } from '../chat/visitor.ts'
import type { RunningProgram } from '../setup/child-process.ts'
import { Browser, type From, type RoomClient } from './browser.ts'
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
}

/** What the tests of one proxy may use beside what all of them have to do. */
export interface ProxyFixture {
  readonly site: () => Site
  readonly proxy: () => RunningProxy
  readonly browser: () => Browser
  /** Opens a WebSocket that is closed after the test. */
  readonly open: Browser['open']
  /** Four people talk while each of these is done, and go on for a while after it: nothing of it may be lost. */
  readonly talkThrough: (steps: readonly (() => Promise<unknown>)[]) => Promise<void>
}

/** For tests that start processes, on a machine that may be busy with others. */
export const RESTARTS_MS = 90_000
/** Between two messages of one who talks: the machine is needed for the restarts. */
const PAUSE_MS = 10
/** Between two questions which process answers: proxies limit handshakes. */
const ASK_EVERY_MS = 50

/** What every proxy of deploy/ has to do, with the very file that is there. `more` adds tests of its own. */
export function describeProxy(
  given: () => { site: Site; certificate: Certificate },
  start: (site: Site, certificate: Certificate) => Promise<RunningProxy>,
  more: (fixture: ProxyFixture) => void = () => {},
): void {
  let site: Site
  let proxy: RunningProxy
  let browser: Browser
  let idle: Visitor
  let idleSince = 0
  let rooms = 0
  const visitors: Visitor[] = []
  const pages: RoomClient[] = []

  beforeAll(async () => {
    const { certificate } = given()
    site = given().site
    proxy = await start(site, certificate)
    browser = await Browser.of(proxy.port, certificate)
    await bothAreAsked()
    // For a test of below: silence takes its time.
    idle = await browser.open('/ws/chat/idle/')
    idleSince = Date.now()
  })

  afterEach(async () => {
    for (const page of pages.splice(0)) page.close()
    await Promise.all(visitors.splice(0).map((visitor) => visitor.leave()))
  })

  afterAll(async () => {
    idle?.socket.terminate()
    await proxy?.program.stop()
  })

  async function open(...args: Parameters<Browser['open']>): Promise<Visitor> {
    const visitor = await browser.open(...args)
    visitors.push(visitor)
    return visitor
  }

  async function scopeOf(from: From): Promise<SeenScope> {
    return (await (await open('/ws/scope/', from)).next(() => true)) as unknown as SeenScope
  }

  /** A proxy that looks after its servers once a second needs one to see that a server is back. */
  async function bothAreAsked(): Promise<void> {
    const missing = new Set(site.processes.map((one) => one.pid()))
    while (missing.size > 0) {
      missing.delete((await scopeOf({})).pid)
      await delay(ASK_EVERY_MS)
    }
    await Promise.all(visitors.splice(0).map((visitor) => visitor.leave()))
  }

  async function talkThrough(steps: readonly (() => Promise<unknown>)[]): Promise<void> {
    await bothAreAsked()
    const room = `restarts_${proxy.port}_${(rooms += 1)}`
    const tabs = ['one', 'two', 'three', 'four'] as const
    const people = tabs.map((tab) => browser.enter(room, tab))
    pages.push(...people)
    const acknowledged: string[] = []
    const say = async (n: number, text: string): Promise<void> => {
      await people[n]!.say(text)
      acknowledged.push(text)
    }
    await Promise.all(tabs.map((tab, n) => say(n, `${tab} is here`)))
    const over = new AbortController()
    const talk = Promise.all(
      tabs.map(async (tab, n) => {
        for (let i = 0; !over.signal.aborted; i++) {
          await say(n, `${tab}: ${i}`)
          await delay(PAUSE_MS)
        }
      }),
    )
    talk.catch(() => {})
    for (const step of steps) {
      await Promise.race([step(), talk])
      // All four come back from it.
      for (const tab of tabs) {
        const count = acknowledged.length
        await expect.poll(() => acknowledged.slice(count).some((text) => text.startsWith(tab))).toBe(true)
      }
    }
    over.abort()
    await talk
    await expect.poll(() => people.map(({ texts }) => texts.length)).toEqual(people.map(() => acknowledged.length))
    for (const { texts } of people) expect(texts.toSorted()).toEqual(acknowledged.toSorted())
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

  it('sends a page that is asked for without TLS to https', async () => {
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
    const answers = await Promise.all(asked.map((headers) => scopeOf({ address: '127.0.0.9', headers })))
    expect(answers).toEqual(asked.map(() => ({ ...seen, pid: expect.any(Number) as number })))
    expect(new Set(answers.map(({ pid }) => pid)).size).toBe(2)
  })

  it('logs somebody in by a Secure cookie of the web server, and out of every WebSocket', async () => {
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

  it('takes an upload of 10 MB', async () => {
    const body = Buffer.alloc(10 * 1024 * 1024, 'x')
    const answer = await browser.fetch('/upload', { method: 'POST', body })
    expect([answer.status, answer.body]).toEqual([200, JSON.stringify({ bytes: body.length })])
  })

  it("keeps a connection on which nobody says anything over the proxy's time-out, because tideway pings", async () => {
    if (proxy.idleMs !== undefined) await delay(Math.max(0, idleSince + 1.6 * proxy.idleMs - Date.now()))
    expect(idle.socket.readyState).toBe(idle.socket.OPEN)
    idle.tell({ message: 'still here' })
    expect(await idle.next(() => true)).toEqual({ message: 'still here', user: '' })
  })

  it(
    'loses no acknowledged message, and delivers none twice, while one process is killed and the other one restarted',
    async () => {
      const [first, second] = site.processes
      await talkThrough([() => first.kill(), () => first.start(), () => second.restart()])
    },
    RESTARTS_MS,
  )

  more({ site: () => site, proxy: () => proxy, browser: () => browser, open, talkThrough })
}

/** The text of a file of deploy/ with the ports and paths of a test: each is replaced wherever it stands, and has to be there. */
export function filledIn(text: string, values: Readonly<Record<string, string>>): string {
  return Object.entries(values).reduce((filled, [placeholder, value]) => {
    if (!filled.includes(placeholder)) throw new Error(`There is no ${JSON.stringify(placeholder)} to fill in.`)
    return filled.replaceAll(placeholder, value)
  }, text)
}
