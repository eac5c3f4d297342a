import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import { fetchHandler } from '../../../src/server/http/fetch-handler.ts'
import type { ServeOptions } from '../../../src/server/options.ts'
import { accepting } from '../applications.ts'
import { eventually, serving, type ServerUnderTest } from '../serving.ts'
import { CertificateFolder, type KeyPair } from '../tls/certificates.ts'

/** A browser that makes requests to the tests only. */
const browserArgs = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync']

/** Opens a WebSocket in the page, sends the texts, closes with 4000, and returns the received messages. */
function talkInPage(page: Page, url: string, texts: readonly string[]) {
  return page.evaluate(
    async ([address, messages]) => {
      const socket = new WebSocket(address, ['chat', 'other'])
      const received: string[] = []
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve)
        socket.addEventListener('close', (event) => reject(new Error(`closed ${event.code}`)))
      })
      const all = new Promise<void>((resolve) => {
        socket.addEventListener('message', ({ data }) => {
          received.push(data as string)
          if (received.length === messages.length) resolve()
        })
      })
      for (const text of messages) socket.send(text)
      await all
      const closed = new Promise<[number, string, boolean]>((resolve) => {
        socket.addEventListener('close', ({ code, reason, wasClean }) => resolve([code, reason, wasClean]))
      })
      socket.close(4000, 'bye')
      const { protocol, extensions } = socket
      return { protocol, extensions, received, closed: await closed }
    },
    [url, texts] as const,
  )
}

describeWith(['headlessChromium', 'openssl'], 'Chromium with HTTP/2', () => {
  let folder: CertificateFolder
  let pair: KeyPair
  let browser: Browser
  beforeAll(async () => {
    folder = new CertificateFolder()
    pair = folder.pair()
    browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args: browserArgs })
  })
  afterAll(async () => {
    await browser.close()
    folder.remove()
  })

  /** A site that reports its requests, and the page of a visitor on it. */
  async function visited(options: ServeOptions): Promise<{
    server: ServerUnderTest
    page: Page
    versions: string[]
    codes: (number | string)[]
  }> {
    const versions: string[] = []
    const codes: (number | string)[] = []
    const server = await serving(
      {
        http: fetchHandler(() => new Response('<title>page</title>', { headers: { 'Content-Type': 'text/html' } })),
        async websocket(scope, receive, send) {
          versions.push(scope.httpVersion)
          await accepting(async (connection) => {
            for (;;) {
              const event = await connection.receive()
              if (event.type === 'websocket.disconnect') {
                codes.push(event.code, event.reason)
                return
              }
              if (event.type === 'websocket.receive') await send({ type: 'websocket.send', text: event.text! })
            }
          })(scope, receive, (event) =>
            send(event.type === 'websocket.accept' ? { ...event, subprotocol: 'other' } : event),
          )
        },
      },
      { tlsKey: pair.keyFile, tlsCert: pair.certFile, ...options },
    )
    const context = await browser.newContext({ ignoreHTTPSErrors: true })
    onTestFinished(() => context.close())
    const page = await context.newPage()
    await page.goto(`${server.url}/`)
    return { server, page, versions, codes }
  }

  const texts = ['', 'Hello', 'räksmörgås 👍', 'x'.repeat(200_000)]

  it.each([
    ['', {}],
    ['permessage-deflate; server_no_context_takeover', { compression: { thresholdBytes: 0 } }],
  ])('opens a WebSocket on the connection of its page, with the extensions "%s"', async (extensions, options) => {
    const { server, page, versions, codes } = await visited(options)
    const before = server.stats().sockets.total
    const seen = await talkInPage(page, server.webSocketUrl, texts)
    expect(seen).toEqual({ protocol: 'other', extensions, received: texts, closed: [4000, '', true] })
    expect(versions).toEqual(['2'])
    await eventually(() => codes).toEqual([4000, 'bye'])
    await eventually(() => server.connectionCount).toBe(0)
    // It used the connection of the page, and did not change it.
    expect(server.stats().sockets.total).toBe(before)
    expect(await page.evaluate(async () => (await fetch('/')).status)).toBe(200)
  })

  it('speaks HTTP/1.1 to a server without HTTP/2', async () => {
    const { server, page, versions } = await visited({ http2: false })
    expect((await talkInPage(page, server.webSocketUrl, texts)).received).toEqual(texts)
    expect(versions).toEqual(['1.1'])
  })

  it('reports a refused handshake', async () => {
    const { server, page } = await visited({ maxHeaders: 200 })
    const code = await page.evaluate(async (url) => {
      const socket = new WebSocket(url)
      return new Promise<number>((resolve) => socket.addEventListener('close', (event) => resolve(event.code)))
    }, `${server.webSocketUrl}/%ff`)
    expect(code).toBe(1006)
    expect(server.stats().handshakes.refused.badHandshake).toBe(1)
  })
})
