import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { serve, type RunningServer } from 'tideway/server'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import { startFeed } from '../../examples/dashboard/src/feed.ts'
import { prices } from '../../examples/dashboard/src/prices.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { patiently } from '../setup/patiently.ts'
import { SlowLink } from './slow-link.ts'

const SYMBOLS = 500
/** The bytes per second of the throttled network: a quarter of what all changes need. */
const THROUGHPUT = 25_000
/** As the README of the example says: more old values would wait for a slow page. */
const highWaterMarkBytes = 16_384
/** The changes while the page is behind. */
const CHANGES = 3000
/** A folder for screenshots: none without it. */
const SCREENSHOTS = process.env['TIDEWAY_SCREENSHOTS']

/** What the page shows, by symbol. */
function shownBy(page: Page): Promise<Record<string, string>> {
  return page.locator('article').evaluateAll((tiles) => {
    const entries = tiles.map((tile) => [tile.querySelector('b')!.textContent, tile.querySelector('span')!.textContent])
    return Object.fromEntries(entries) as Record<string, string>
  })
}

describeWith(['headlessChromium'], 'the dashboard in a browser with a throttled network', () => {
  let browser: Browser
  let folder: string
  let server: RunningServer
  let link: SlowLink
  let channelLayer: (typeof import('../../examples/dashboard/src/application.ts'))['channelLayer']

  beforeAll(async () => {
    process.env['FEED'] = 'off'
    const application = await import('../../examples/dashboard/src/application.ts')
    channelLayer = application.channelLayer
    folder = await mkdtemp(join(tmpdir(), 'tideway-dashboard-'))
    const path = join(folder, 'server.sock')
    server = await serve(application.default, { listen: [{ path }], highWaterMarkBytes })
    link = await SlowLink.open(path)
    browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    await link?.close()
    await server?.close(0)
    await rm(folder, { recursive: true, force: true })
  })

  /** The values of the server as the page shows them. */
  async function expected(): Promise<Record<string, string>> {
    const values = await prices('market').values(channelLayer)
    return Object.fromEntries(Array.from(values, ([symbol, { value }]) => [symbol, value.price.toFixed(2)]))
  }

  it('gets the newest prices in fewer frames than there are changes, and draws on', async () => {
    const feed = await startFeed(channelLayer)
    onTestFinished(() => feed.stop())
    const page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    const problems: string[] = []
    page.on('pageerror', (error) => problems.push(error.message))
    const devTools = await page.context().newCDPSession(page)
    await devTools.send('Network.enable')
    let frames = 0
    devTools.on('Network.webSocketFrameReceived', () => void frames++)
    await page.goto(link.url)
    await patiently(async () => expect(Object.keys(await shownBy(page))).toHaveLength(SYMBOLS))
    // The link is slower than this limit: what the browser does not read would wait in the kernel.
    const conditions = { offline: false, latency: 0, downloadThroughput: 4 * THROUGHPUT, uploadThroughput: -1 }
    await devTools.send('Network.emulateNetworkConditions', conditions)
    link.bytesPerSecond = THROUGHPUT
    const [framesBefore, changesBefore, startedAt] = [frames, feed.changes, performance.now()]
    await page.evaluate(() => {
      const drawn = { count: 0 }
      const note = (): void => {
        drawn.count++
        requestAnimationFrame(note)
      }
      requestAnimationFrame(note)
      Object.assign(window, { drawn })
    })
    // From here on, the page gets only the newest price of a symbol.
    await patiently(() => expect(channelLayer.keptGroups!.stats().worstLag).toBeGreaterThan(SYMBOLS))
    const [changesThen, before] = [feed.changes, await shownBy(page)]
    await patiently(() => expect(feed.changes - changesThen).toBeGreaterThan(CHANGES))
    const during = await shownBy(page)
    const drawn = await page.evaluate(() => (window as unknown as { drawn: { count: number } }).drawn.count)
    const seconds = (performance.now() - startedAt) / 1000
    if (SCREENSHOTS !== undefined) {
      await page.screenshot({ path: `${SCREENSHOTS}/dashboard.png` })
      await page.setViewportSize({ width: 390, height: 844 })
      await page.screenshot({ path: `${SCREENSHOTS}/dashboard-phone.png` })
    }
    await feed.stop()
    link.bytesPerSecond = Infinity
    await patiently(async () => expect(await shownBy(page)).toEqual(await expected()))
    const [changes, received] = [feed.changes - changesBefore, frames - framesBefore]
    process.stdout.write(
      `dashboard: ${changes} changes of ${SYMBOLS} prices, ${received} frames of the WebSocket; ` +
        `the page drew ${(drawn / seconds).toFixed(0)} frames per second for ${seconds.toFixed(0)} s\n`,
    )
    const moved = Object.keys(during).filter((symbol) => during[symbol] !== before[symbol])
    expect(moved.length).toBeGreaterThan(SYMBOLS / 10)
    expect(drawn).toBeGreaterThan(10)
    expect(received).toBeGreaterThan(SYMBOLS / 10)
    expect(received).toBeLessThan(changes - CHANGES / 3)
    expect(problems).toEqual([])
  })
})
