import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'
import { setTimeout as delay } from 'node:timers/promises'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { describeWith } from '../setup/describe-with.ts'
import type { Browser } from './browser.ts'
import { startCaddy } from './caddy.ts'
import { startHaproxy } from './haproxy.ts'
import { startNginx } from './nginx.ts'
import { bothAreAsked, describeProxy, type RunningProxy } from './proxy-suite.ts'
import { selfSigned, SITE_NAME, startSite, type Certificate, type Site } from './site.ts'
import { Talk } from './talk.ts'

/** Pause between two handshakes: proxies accept thirty per second from one address. */
const ASK_EVERY_MS = 50
/** For a test that starts processes, on a machine that may be busy with others. */
const RESTARTS_MS = 180_000

describeWith(['redis', 'openssl'], 'a site behind', () => {
  let site: Site
  let certificate: Certificate
  const proxies: RunningProxy[] = []
  const browsers: Browser[] = []
  const talks: Talk[] = []

  beforeAll(async () => {
    site = await startSite()
    certificate = await selfSigned(site.folder)
  }, RESTARTS_MS)

  afterAll(async () => {
    for (const talk of talks) talk.close()
    await Promise.all(proxies.map(({ program }) => program.stop()))
    await site?.stop()
  })

  /** All of them stay, in front of the one site, for the last test. */
  const given: Parameters<typeof describeProxy>[0] = () => ({
    site,
    certificate,
    started(proxy, browser) {
      proxies.push(proxy)
      browsers.push(browser)
    },
  })

  describeWith(['nginx'], 'deploy/nginx', () => {
    describeProxy(given, startNginx, ({ proxy, browser, open }) => {
      it('refuses an upload over its limit', async () => {
        const { status } = await browser().fetch('/upload', {
          method: 'POST',
          body: Buffer.alloc(13 * 1024 * 1024),
        })
        expect(status).toBe(413)
      })

      it('answers for a certificate without TLS', async () => {
        const path = '/.well-known/acme-challenge/token'
        const answer = await fetch(`http://127.0.0.1:${proxy().plainPort}${path}`)
        expect([answer.status, await answer.text()]).toEqual([200, 'the answer'])
      })

      it('speaks HTTP/2 for pages', async () => {
        const { host } = browser()
        const options = { servername: SITE_NAME, rejectUnauthorized: false }
        const session = connectHttp2(`https://127.0.0.1:${proxy().port}`, options)
        try {
          const stream = session.request({ ':path': '/server', ':authority': host })
          const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
          expect(headers[':status']).toBe(200)
        } finally {
          session.destroy()
        }
      })

      it('shows no certificate for another name', async () => {
        const socket = connectTls({ host: '127.0.0.1', port: proxy().port, servername: 'attacker.example' })
        const [error] = (await once(socket, 'error')) as [Error]
        expect(error.message).toMatch(/unrecognized name/)
      })

      it('forwards no other upgrade', async () => {
        const headers = {
          connection: 'Upgrade, HTTP2-Settings',
          upgrade: 'h2c',
          'http2-settings': 'AAMAAABkAAQAAP__',
        }
        const { status, body } = await browser().fetch('/server', { headers })
        expect([status, JSON.parse(body)]).toMatchObject([200, { server: 'web', upgrade: '' }])
      })

      it('limits the connections of an address, without an effect on others', async () => {
        const mine = { address: '127.0.0.66' }
        for (let i = 0; i < 200; i++) await open('/ws/chat/crowd/', mine)
        expect(await browser().refusal('/ws/chat/crowd/', mine)).toBe(429)
        await open('/ws/chat/crowd/', { address: '127.0.0.67' })
      })
    })
  })

  describeWith(['haproxy'], 'deploy/haproxy', () => {
    describeProxy(given, startHaproxy)
  })

  describeWith(['caddy'], 'deploy/caddy', () => {
    describeProxy(given, startCaddy)
  })

  it(
    'loses no acknowledged message, and delivers none twice, when processes are killed and restarted one after the other',
    async () => {
      const [first, second] = site.processes
      await Promise.all(browsers.map((browser) => bothAreAsked(site, browser)))
      talks.push(...(await Promise.all(browsers.map((browser, n) => Talk.begin(browser, `restarts_${n}`)))))
      const goOn = (): Promise<unknown> => Promise.all(talks.map((talk) => talk.isHeard()))
      await first.kill()
      await goOn()
      await first.start()
      await goOn()
      await Promise.all(browsers.map((browser) => bothAreAsked(site, browser)))
      const patient = browsers.filter((_, n) => proxies[n]!.hidesRestarts)
      const restarted = new AbortController()
      const asking = Promise.all(patient.map((browser) => askOn(browser, restarted.signal)))
      await second.restart()
      await goOn()
      // Not before every proxy has seen that the second one is back.
      await Promise.all(browsers.map((browser) => bothAreAsked(site, browser)))
      await first.restart()
      await goOn()
      restarted.abort()
      for (const answers of await asking) {
        expect(answers.length).toBeGreaterThan(10)
        expect(new Set(answers)).toEqual(new Set([101]))
      }
      for (const { acknowledged, heard } of await Promise.all(talks.map((talk) => talk.end()))) {
        expect(heard).toEqual(heard.map(() => acknowledged))
      }
    },
    RESTARTS_MS,
  )
})

/** Opens one WebSocket after the other, and says what each handshake was answered with. */
async function askOn(browser: Browser, signal: AbortSignal): Promise<(number | undefined)[]> {
  const answers: (number | undefined)[] = []
  while (!signal.aborted) {
    // An address for itself: those that talk have a limit.
    answers.push((await browser.refusal('/ws/chat/probe/', { address: '127.0.0.33' })) ?? 101)
    await delay(ASK_EVERY_MS)
  }
  return answers
}
