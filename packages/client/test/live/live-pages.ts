import type { Browser, Page } from 'playwright-core'
import { expect, onTestFinished, test } from 'vitest'
import { bundle } from '../chromium-page.ts'
import { LiveArena, type LiveCommand } from './live-arena.ts'
import type { LiveKit, Visitor } from './live-suite.ts'
import type * as suite from './live-suite.ts'
import type * as reactPage from './live-react-page.ts'

/** What the bundles and the tests keep in the page. */
interface InPage {
  suite: typeof suite & typeof reactPage
  control: LiveKit['control']
  visitor: Visitor
  /** The answers of what the user has typed. */
  answers: Promise<unknown>[]
  isStale: boolean
}

/** The numbers that the page has received, and its changes. */
interface Seen {
  readonly numbers: readonly number[]
  readonly changes: readonly string[]
}

/**
 * Defines the tests of the live client in Chromium. They share the browsers of the caller.
 * @param whole a browser with a back/forward cache
 */
export function testLivePages(browser: () => Browser, whole: () => Browser): void {
  let scripts: Promise<{ live: string; react: string }> | undefined
  const bundles = async (): Promise<{ live: string; react: string }> => ({
    live: await bundle(new URL('live-suite.ts', import.meta.url)),
    react: await bundle(new URL('live-react-page.ts', import.meta.url)),
  })

  async function startArena(): Promise<LiveArena> {
    const arena = await LiveArena.start()
    onTestFinished(() => arena.stop())
    return arena
  }

  async function open(arena: LiveArena, script: 'live' | 'react' = 'live', inBrowser = browser()): Promise<Page> {
    const page = await inBrowser.newPage()
    onTestFinished(() => page.close())
    await page.goto(arena.pageUrl)
    await load(page, script)
    return page
  }

  async function load(page: Page, script: 'live' | 'react' = 'live'): Promise<void> {
    await page.addScriptTag({ content: (await (scripts ??= bundles()))[script] })
  }

  /** Joins the lobby in the page. */
  const visit = (page: Page, arena: LiveArena, persist = false): Promise<void> =>
    page.evaluate(
      ([url, persist]) => {
        const here = globalThis as unknown as InPage
        here.answers = []
        here.visitor = new here.suite.Visitor({ url, control: here.control }, {}, persist ? { persist: 'session' } : {})
      },
      [arena.url, persist] as const,
    )

  const seen = (page: Page): Promise<Seen> =>
    page.evaluate(() => {
      const { numbers, changes } = (globalThis as unknown as InPage).visitor
      return { numbers, changes }
    })

  const untilComplete = async (page: Page, arena: LiveArena): Promise<readonly number[]> => {
    await expect.poll(async () => (await seen(page)).numbers).toEqual((await arena.control({ do: 'report' })).numbers)
    return (await seen(page)).numbers
  }

  test('every scenario of the live client', async () => {
    // One page for all, because a page costs more than most of them.
    const page = await browser().newPage()
    onTestFinished(() => page.close())
    let arena = await startArena()
    await page.exposeFunction('control', (command: LiveCommand) => arena.control(command))
    await page.goto(arena.pageUrl)
    await load(page)
    const names = await page.evaluate(() => Object.keys((globalThis as unknown as InPage).suite.liveScenarios))
    expect(names.length).toBeGreaterThan(8)
    for (const name of names) {
      const failure = await page.evaluate(
        async ([name, url]) => {
          const { suite, control } = globalThis as unknown as InPage
          return suite.liveScenarios[name]?.({ url, control }).then(
            () => 'passed',
            (error: unknown) => String(error),
          )
        },
        [name, arena.url] as const,
      )
      expect({ [name]: failure }).toEqual({ [name]: 'passed' })
      arena = await startArena()
    }
  })

  test('two tabs get the same events, each once and in order, while the server restarts and a user types', async () => {
    const arena = await startArena()
    const tabs = [await open(arena), await open(arena)]
    for (const tab of tabs) await visit(tab, arena)
    const type = (from: number): Promise<void> =>
      (tabs[0] as Page).evaluate((from) => {
        const { visitor, answers } = globalThis as unknown as InPage
        for (let n = from; n < from + 5; n++) answers.push(visitor.client.request('say', { n }))
      }, from)
    await type(0)
    await arena.control({ do: 'kill-server' })
    await type(5)
    await arena.control({ do: 'start-server' })
    await type(10)
    await tabs[0]?.evaluate(() => Promise.all((globalThis as unknown as InPage).answers).then(() => {}))
    const expected = Array.from({ length: 15 }, (_, n) => n)
    for (const tab of tabs)
      expect((await untilComplete(tab, arena)).toSorted((one, other) => one - other)).toEqual(expected)
  })

  test('an offline tab gets what it missed, once and in order', async () => {
    const arena = await startArena()
    const page = await open(arena)
    await visit(page, arena)
    await arena.control({ do: 'publish', from: 0, count: 2 })
    await untilComplete(page, arena)
    await page.context().setOffline(true)
    arena.proxy.refuse()
    arena.proxy.cut()
    await expect.poll(async () => (await seen(page)).changes).toContain('joining')
    await arena.control({ do: 'publish', from: 2, count: 5 })
    arena.proxy.heal()
    await page.context().setOffline(false)
    expect(await untilComplete(page, arena)).toEqual([0, 1, 2, 3, 4, 5, 6])
    expect((await seen(page)).changes).not.toContain('trimmed')
  })

  test("a reloaded tab with persist: 'session' continues after what it had, and without it gets the newest", async () => {
    const arena = await startArena()
    const page = await open(arena)
    await arena.control({ do: 'publish', from: 0, count: 3 })
    await visit(page, arena, true)
    await untilComplete(page, arena)
    await page.reload()
    await arena.control({ do: 'publish', from: 3, count: 2 })
    await load(page)
    await visit(page, arena, true)
    await expect.poll(async () => (await seen(page)).numbers).toEqual([3, 4])
    await page.reload()
    await load(page)
    await visit(page, arena)
    expect(await untilComplete(page, arena)).toEqual([0, 1, 2, 3, 4])
  })

  test('a tab from the back/forward cache continues after what it had', async () => {
    const arena = await startArena()
    const page = await open(arena, 'live', whole())
    await visit(page, arena)
    await arena.control({ do: 'publish', from: 0, count: 2 })
    await untilComplete(page, arena)
    await page.goto(`${arena.pageUrl}elsewhere`)
    await expect.poll(async () => (await arena.control({ do: 'report' })).connections).toBe(0)
    await arena.control({ do: 'publish', from: 2, count: 2 })
    await page.evaluate(() => setTimeout(() => history.back(), 0))
    await expect.poll(async () => (await arena.control({ do: 'report' })).connections).toBe(1)
    expect(await untilComplete(page, arena)).toEqual([0, 1, 2, 3])
  })

  test('useGroup shows the newest events in both components of a group, in strict mode, and closes with the page', async () => {
    const arena = await startArena()
    const page = await open(arena, 'react')
    const text = (): Promise<string | null> => page.textContent('main')
    await arena.control({ do: 'publish', from: 0, count: 4 })
    await page.evaluate((url) => (globalThis as unknown as InPage).suite.mountLive(url), arena.url)
    await expect.poll(text).toBe('live [1 2 3]')
    await page.evaluate(() => (globalThis as unknown as InPage).suite.liveSeen.say?.(4))
    await expect.poll(text).toBe('live [1 2 3 4]')
    // The replay of three events was shown at once.
    const texts = await page.evaluate(() => (globalThis as unknown as InPage).suite.liveSeen.texts)
    expect(texts).not.toContain('live [1]')
    await page.evaluate(() => (globalThis as unknown as InPage).suite.liveSeen.showSecond?.(true))
    await expect.poll(text).toBe('live [1 2 3 4]live [2 3 4]')
    await page.evaluate(() => (globalThis as unknown as InPage).suite.liveSeen.showSecond?.(false))
    await arena.control({ do: 'publish', from: 5, count: 1 })
    await expect.poll(text).toBe('live [1 2 3 4 5]')
    await page.evaluate(() => (globalThis as unknown as InPage).suite.liveSeen.unmount?.())
    await expect.poll(async () => (await arena.control({ do: 'report' })).connections).toBe(0)
  })
}
