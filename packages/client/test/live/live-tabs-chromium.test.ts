import type { ClientError } from '@tideway/client'
import { build } from 'esbuild'
import type { Browser, BrowserContext, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { describeWith, programPath } from '../../../../test/setup/describe-with.ts'
import { bundle, launchChromium } from '../chromium-page.ts'
import { LiveArena } from './live-arena.ts'
import type { LiveKit, Visitor } from './live-suite.ts'
import type * as suite from './live-suite.ts'
import { NarrowProxy } from './narrow-proxy.ts'

/** What the bundle and the tests keep in the page. */
interface InPage {
  suite: typeof suite
  visitor: Visitor
  errors: ClientError[]
  states: string[]
}

/** The options of a tab: plain data. */
interface TabOptions {
  readonly sharedWorker?: string
  readonly user?: string | null
  readonly upgradeAfterMs?: number
  readonly connectTimeoutMs?: number
  readonly heartbeat?: { readonly intervalMs: number; readonly timeoutMs: number }
}

describeWith(['chromium'], 'A live client in the tabs of Chromium', () => {
  let browser: Browser
  /** The server of the pages, which stays when that of the connections stops. */
  let pages: LiveArena
  let script = ''

  beforeAll(async () => {
    browser = await launchChromium(programPath('chromium'))
    script = await bundle(new URL('live-suite.ts', import.meta.url))
    const { outputFiles } = await build({
      entryPoints: [new URL('../../src/live/tabs/worker.ts', import.meta.url).pathname],
      bundle: true,
      write: false,
      format: 'esm',
      target: 'es2022',
    })
    const worker = outputFiles[0]?.text ?? ''
    pages = await LiveArena.start({ '/live-worker.js': worker, '/new/live-worker.js': worker })
  })
  afterAll(async () => {
    await browser.close()
    await pages.stop()
  })

  async function start(): Promise<{ arena: LiveArena; context: BrowserContext }> {
    const arena = await LiveArena.start()
    const context = await browser.newContext()
    onTestFinished(async () => {
      await context.close()
      await arena.stop()
    })
    return { arena, context }
  }

  /** Opens a tab in the lobby. */
  async function openTab(
    arena: LiveArena,
    context: BrowserContext,
    options: TabOptions = {},
    url = arena.url,
  ): Promise<Page> {
    const page = await context.newPage()
    await page.goto(pages.pageUrl)
    await page.addScriptTag({ content: script })
    await page.evaluate(
      ([url, options]) => {
        const here = globalThis as unknown as InPage
        const control: LiveKit['control'] = () => Promise.reject(new Error('not in the page'))
        here.visitor = new here.suite.Visitor({ url, control }, { connectTimeoutMs: 10_000, ...options })
        here.errors = []
        here.states = []
        here.visitor.client.on('error', (error) => here.errors.push(error))
        here.visitor.client.on('state', (state) =>
          here.states.push(state.status === 'open' ? `open ${state.transport}` : state.status),
        )
      },
      [url, options] as const,
    )
    return page
  }

  const numbers = (page: Page): Promise<readonly number[]> =>
    page.evaluate(() => (globalThis as unknown as InPage).visitor.numbers)
  const states = (page: Page): Promise<readonly string[]> =>
    page.evaluate(() => (globalThis as unknown as InPage).states)

  /** Each tab has what the log has, in its order, and was told of no gap. */
  async function expectComplete(arena: LiveArena, tabs: readonly Page[]): Promise<void> {
    const { numbers: logged } = await arena.control({ do: 'report' })
    for (const tab of tabs) {
      await expect.poll(() => numbers(tab)).toEqual(logged)
      const changes = await tab.evaluate(() => (globalThis as unknown as InPage).visitor.changes)
      expect(changes.filter((change) => !['joining', 'replaying', 'live'].includes(change))).toEqual([])
      expect(await tab.evaluate(() => (globalThis as unknown as InPage).visitor.client.gaps)).toBe(0)
    }
  }

  const expectConnections = (arena: LiveArena, count: number): Promise<void> =>
    expect.poll(async () => (await arena.control({ do: 'report' })).connections).toBe(count)

  const ask = (page: Page, n: number): Promise<void> =>
    page.evaluate((n) => (globalThis as unknown as InPage).visitor.client.request('say', { n }).then(() => {}), n)

  test('uses a stream in a page without WebSockets', async () => {
    const { arena, context } = await start()
    await context.addInitScript(() => Reflect.deleteProperty(globalThis, 'WebSocket'))
    const tab = await openTab(arena, context)
    await ask(tab, 1)
    await arena.control({ do: 'publish', from: 2, count: 2 })
    await expectComplete(arena, [tab])
    expect(await states(tab)).toEqual(['open stream'])
  })

  test('uses a stream behind a proxy that strips the upgrade, and then the WebSocket', async () => {
    const { arena, context } = await start()
    const proxy = await NarrowProxy.start(arena.proxy.port)
    onTestFinished(() => proxy.stop())
    const url = `http://127.0.0.1:${proxy.port}/`
    const tab = await openTab(arena, context, { upgradeAfterMs: 200 }, url)
    await ask(tab, 1)
    expect(await states(tab)).toContain('open stream')
    proxy.passesUpgrades = true
    await expect.poll(() => states(tab)).toContain('open websocket')
    await arena.control({ do: 'publish', from: 2, count: 2 })
    await expectComplete(arena, [tab])
  })

  test('shares one connection between the tabs of a user, through faults, the cache and the end of tabs', async () => {
    const { arena, context } = await start()
    const sharedWorker = `${pages.pageUrl}live-worker.js`
    const options = { sharedWorker, user: 'ann' }
    await arena.control({ do: 'publish', from: 0, count: 3 })
    const tabs = [await openTab(arena, context, options), await openTab(arena, context, options)]
    await expectComplete(arena, tabs)
    // A later tab gets its own history.
    await arena.control({ do: 'publish', from: 10, count: 2 })
    tabs.push(await openTab(arena, context, options))
    await expectComplete(arena, tabs)
    await expectConnections(arena, 1)
    for (const [index, tab] of tabs.entries()) await ask(tab, 20 + index)
    await expectComplete(arena, tabs)

    // Another user, and another version of the code, have a connection of their own.
    const other = await openTab(arena, context, { sharedWorker, user: 'bo' })
    const newer = await openTab(arena, context, { sharedWorker: `${pages.pageUrl}new/live-worker.js`, user: 'ann' })
    await expectComplete(arena, [other, newer])
    await expectConnections(arena, 3)
    await other.close()
    await newer.evaluate(() => (globalThis as unknown as InPage).visitor.client.close())
    await expectConnections(arena, 1)

    // A lost connection, and a server that moves its clients.
    await arena.control({ do: 'kill-server' })
    await arena.control({ do: 'start-server' })
    await arena.control({ do: 'publish', from: 30, count: 3 })
    await expectComplete(arena, tabs)
    await arena.control({ do: 'move' })
    await arena.control({ do: 'publish', from: 40, count: 3 })
    await expectConnections(arena, 1)
    await expectComplete(arena, tabs)

    // A tab in the back/forward cache leaves, and continues when it returns.
    const [first] = tabs as [Page]
    await first.goto(`${pages.pageUrl}elsewhere`)
    await arena.control({ do: 'publish', from: 50, count: 3 })
    await expectComplete(arena, tabs.slice(1))
    await first.evaluate(() => setTimeout(() => history.back(), 0))
    await expect.poll(() => first.evaluate(() => 'visitor' in globalThis).catch(() => false)).toBe(true)
    await expectComplete(arena, tabs)

    // A log-out in one tab ends that of the tab, and the last one ends the connection.
    await first.evaluate(() => (globalThis as unknown as InPage).visitor.client.close())
    await arena.control({ do: 'publish', from: 60, count: 1 })
    await expectComplete(arena, tabs.slice(1))
    await expectConnections(arena, 1)
    await tabs[1]?.close()
    await tabs[2]?.close()
    await expectConnections(arena, 0)
  })

  test('gets every event once in three tabs of a shared connection in ten fault schedules', async () => {
    const { arena, context } = await start()
    const options = {
      sharedWorker: `${pages.pageUrl}live-worker.js`,
      user: null,
      connectTimeoutMs: 1_500,
      heartbeat: { intervalMs: 80, timeoutMs: 300 },
    }
    const tabs = [await openTab(arena, context, options), await openTab(arena, context, options)]
    for (let seed = 0; seed < 10; seed++) {
      const faults = arena.control({ do: 'fault-schedule', seed })
      for (const [index, tab] of tabs.entries()) await ask(tab, 10 * seed + index)
      await faults
    }
    // Schedules without an interruption would prove nothing.
    expect(await states(tabs[0] as Page)).toContain('reconnecting')
    tabs.push(await openTab(arena, context, options))
    await expectComplete(arena, tabs)
  })

  test('closes all tabs of a shared connection when the server closes it permanently', async () => {
    const { arena, context } = await start()
    const options = { sharedWorker: `${pages.pageUrl}live-worker.js`, user: 'ann' }
    const tabs = [await openTab(arena, context, options), await openTab(arena, context, options)]
    await expectComplete(arena, tabs)
    await tabs[0]?.evaluate(
      () => void (globalThis as unknown as InPage).visitor.client.request('expel', { n: 0 }).catch(() => {}),
    )
    for (const tab of tabs) await expect.poll(() => states(tab)).toContain('closed')
  })

  test('connects each tab by itself if the script of the worker is missing', async () => {
    const { arena, context } = await start()
    const options = { sharedWorker: `${pages.pageUrl}missing.js`, user: 'ann' }
    const tabs = [await openTab(arena, context, options), await openTab(arena, context, options)]
    await expectConnections(arena, 2)
    await arena.control({ do: 'publish', from: 0, count: 1 })
    await expectComplete(arena, tabs)
    for (const tab of tabs)
      expect(await tab.evaluate(() => (globalThis as unknown as InPage).errors.map(({ code }) => code))).toEqual([])
  })
})
