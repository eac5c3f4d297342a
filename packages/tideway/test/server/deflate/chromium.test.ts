import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import type { CompressionOptions } from '../../../src/server/websocket/deflate/compression-options.ts'
import { echo } from '../applications.ts'
import { serving } from '../serving.ts'

/** A browser that makes no requests of its own. */
const browserArgs = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-sync']

/** Sends the texts in the page, each twice as text and once as bytes, and answers with what came back. */
function echoInPage(page: Page, url: string, texts: readonly string[]) {
  return page.evaluate(
    async ([address, messages]) => {
      const socket = new WebSocket(address)
      socket.binaryType = 'arraybuffer'
      await new Promise((resolve, reject) => {
        socket.addEventListener('open', resolve)
        socket.addEventListener('close', (event) => reject(new Error(`closed ${event.code}`)))
      })
      const received: string[] = []
      const done = new Promise<void>((resolve, reject) => {
        socket.addEventListener('close', (event) => reject(new Error(`closed ${event.code} ${event.reason}`)))
        socket.addEventListener('message', ({ data }) => {
          received.push(typeof data === 'string' ? data : new TextDecoder().decode(data as ArrayBuffer))
          if (received.length === 3 * messages.length) resolve()
        })
      })
      for (const text of messages) {
        socket.send(text)
        socket.send(new TextEncoder().encode(text))
        socket.send(text)
      }
      await done
      const { extensions } = socket
      socket.close(1000)
      return { extensions, received }
    },
    [url, texts] as const,
  )
}

describeWith(['headlessChromium'], 'compression in Chromium', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args: browserArgs })
  })
  afterAll(() => browser.close())

  it.each<[string, CompressionOptions]>([
    ['permessage-deflate; server_no_context_takeover', { thresholdBytes: 0 }],
    [
      'permessage-deflate; server_no_context_takeover; client_no_context_takeover',
      { thresholdBytes: 0, clientNoContextTakeover: true },
    ],
    ['permessage-deflate', { thresholdBytes: 0, serverNoContextTakeover: false, clientNoContextTakeover: false }],
    [
      'permessage-deflate; server_max_window_bits=9; client_max_window_bits=9',
      {
        thresholdBytes: 0,
        serverNoContextTakeover: false,
        clientNoContextTakeover: false,
        serverMaxWindowBits: 9,
        clientMaxWindowBits: 9,
      },
    ],
  ])('negotiates %s, and gets every message back', async (expected, compression) => {
    const server = await serving({ websocket: echo }, { compression })
    const page = await browser.newPage()
    const texts = ['', 'a', 'Räksmörgås 👍 '.repeat(100), 'x'.repeat(200_000), JSON.stringify({ id: 1, name: 'name' })]
    const { extensions, received } = await echoInPage(page, server.webSocketUrl, texts)
    await page.close()
    expect(extensions).toBe(expected)
    expect(received).toEqual(texts.flatMap((text) => [text, text, text]))
  })
})
