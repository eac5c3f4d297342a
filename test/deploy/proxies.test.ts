import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { connect as connectTls } from 'node:tls'

import { afterAll, beforeAll, expect, it } from 'vitest'

import { describeWith } from '../setup/describe-with.ts'
import { startCaddy } from './caddy.ts'
import { startHaproxy } from './haproxy.ts'
import { startNginx } from './nginx.ts'
import { describeProxy, RESTARTS_MS } from './proxy-suite.ts'
import { selfSigned, SITE_NAME, startSite, type Certificate, type Site } from './site.ts'

describeWith(['redis', 'openssl'], 'a site behind', () => {
  let site: Site
  let certificate: Certificate

  beforeAll(async () => {
    site = await startSite()
    certificate = await selfSigned(site.folder)
  })

  afterAll(() => site?.stop())

  describeWith(['nginx'], 'deploy/nginx', () => {
    describeProxy(
      () => ({ site, certificate }),
      startNginx,
      ({ site: siteOf, proxy, browser, open, talkThrough }) => {
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

        it('shows no certificate to those who call it by another name', async () => {
          const socket = connectTls({ host: '127.0.0.1', port: proxy().port, servername: 'attacker.example' })
          const [error] = (await once(socket, 'error')) as [Error]
          expect(error.message).toMatch(/unrecognized name/)
        })

        it('lets no other upgrade through', async () => {
          const headers = {
            connection: 'Upgrade, HTTP2-Settings',
            upgrade: 'h2c',
            'http2-settings': 'AAMAAABkAAQAAP__',
          }
          const { status, body } = await browser().fetch('/server', { headers })
          expect([status, JSON.parse(body)]).toMatchObject([200, { server: 'web', upgrade: '' }])
        })

        it('lets no address open more than it may, and others are not held up', async () => {
          const mine = { address: '127.0.0.66' }
          for (let i = 0; i < 200; i++) await open('/ws/chat/crowd/', mine)
          expect(await browser().refusal('/ws/chat/crowd/', mine)).toBe(429)
          await open('/ws/chat/crowd/', { address: '127.0.0.67' })
        })

        it(
          'loses nothing while its processes are restarted one after the other',
          async () => {
            await talkThrough(siteOf().processes.map((one) => () => one.restart()))
          },
          RESTARTS_MS,
        )
      },
    )
  })

  describeWith(['haproxy'], 'deploy/haproxy', () => {
    describeProxy(() => ({ site, certificate }), startHaproxy)
  })

  describeWith(['caddy'], 'deploy/caddy', () => {
    describeProxy(() => ({ site, certificate }), startCaddy)
  })
})
