import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest'
import { describeWith, programPath } from '../../../test/setup/describe-with.ts'
import { Arena, type Command } from './arena.ts'
import { bundle, launchChromium } from './chromium-page.ts'
import { scenarios, type Kit } from './core-suite.ts'
import { testLivePages } from './live/live-pages.ts'
import type * as client from '@tideway/client'
import type * as reactPage from './react-page.ts'

interface Suite {
  scenarios: typeof scenarios
  surviveSchedule(kit: Kit, seed: number): Promise<void>
}
/** What the bundles and the tests keep in the page. */
interface InPage {
  suite: Suite & typeof client & typeof reactPage
  controlOf(name: string, command: Command): ReturnType<Kit['control']>
  socket: client.TidewayClient
  states: string[]
}

describeWith(['chromium', 'headlessChromium'], 'The client in Chromium', () => {
  let browser: Browser
  /** With a back/forward cache, and twice the cost of a page. */
  let whole: Browser
  const scripts = { core: '', client: '', react: '' }

  beforeAll(async () => {
    browser = await launchChromium(programPath('headlessChromium'))
    whole = await launchChromium(programPath('chromium'))
    scripts.core = await bundle(new URL('core-suite.ts', import.meta.url))
    scripts.client = await bundle(new URL('../src/index.ts', import.meta.url))
    scripts.react = await bundle(new URL('react-page.ts', import.meta.url))
  })
  afterAll(async () => {
    await browser.close()
    await whole.close()
  })

  async function startArena(): Promise<Arena> {
    const arena = await Arena.start()
    onTestFinished(() => arena.stop())
    return arena
  }

  async function open(script: 'client' | 'react', inBrowser = browser): Promise<{ arena: Arena; page: Page }> {
    const arena = await startArena()
    const page = await inBrowser.newPage()
    onTestFinished(() => page.close())
    await page.goto(arena.pageUrl)
    await page.addScriptTag({ content: scripts[script] })
    return { arena, page }
  }

  /** A page with the suite, and a function that gives what runs in it an arena, by name. */
  async function openCore(): Promise<{ page: Page; control(name: string, arena: Arena): void }> {
    const arenas = new Map<string, Arena>()
    const page = await browser.newPage()
    onTestFinished(() => page.close())
    // Only where it is needed: it keeps a page out of the back/forward cache.
    await page.exposeFunction('controlOf', (name: string, command: Command) => arenas.get(name)!.control(command))
    await page.goto((await startArena()).pageUrl)
    await page.addScriptTag({ content: scripts.core })
    return { page, control: (name, arena) => void arenas.set(name, arena) }
  }

  /** Connects in the page, and writes down the states. */
  async function connectIn(
    page: Page,
    url: string,
    options: Pick<client.ClientOptions, 'backoff'> = {},
  ): Promise<void> {
    await page.evaluate(
      ([url, options]) => {
        const here = globalThis as unknown as InPage
        here.states = []
        here.socket = here.suite.connect(url, options)
        here.socket.on('state', ({ status }) => here.states.push(status))
      },
      [url, options] as const,
    )
    await untilStates(page, ['open'])
  }

  const untilStates = async (page: Page, states: readonly string[]): Promise<void> => {
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as InPage).states)).toEqual(states)
  }

  // One page for all scenarios, and one for all schedules, because a page costs more than most of them.
  test('every scenario of the client', async () => {
    const { page, control } = await openCore()
    for (const name of Object.keys(scenarios)) {
      const arena = await startArena()
      control(name, arena)
      const failure = await page.evaluate(
        ([name, url]) => {
          const { suite, controlOf } = globalThis as unknown as InPage
          return suite.scenarios[name]!({ url, control: (command) => controlOf(name, command) }).then(
            () => 'passed',
            (error: unknown) => String(error),
          )
        },
        [name, arena.url] as const,
      )
      expect({ [name]: failure }).toEqual({ [name]: 'passed' })
    }
  })

  test.each([0, 10])(
    'handles every request once and in order in the ten fault schedules from seed %i',
    async (first) => {
      const { page, control } = await openCore()
      const schedules = await Promise.all(
        Array.from({ length: 10 }, async (_, n) => {
          const arena = await startArena()
          control(String(first + n), arena)
          return { seed: first + n, url: arena.url }
        }),
      )
      const failures = await page.evaluate((schedules) => {
        const { suite, controlOf } = globalThis as unknown as InPage
        const failuresOf = schedules.map(({ seed, url }) =>
          suite.surviveSchedule({ url, control: (command) => controlOf(String(seed), command) }, seed).then(
            () => [],
            (error: unknown) => [`seed ${seed}: ${String(error)}`],
          ),
        )
        return Promise.all(failuresOf).then((all) => all.flat())
      }, schedules)
      expect(failures).toEqual([])
    },
  )

  test('ends the wait early if the network returns', async () => {
    const { arena, page } = await open('client')
    await connectIn(page, arena.url, { backoff: { baseMs: 1e9, capMs: 1e9 } })
    await page.context().setOffline(true)
    arena.proxy.refuse()
    arena.proxy.cut()
    await untilStates(page, ['open', 'reconnecting'])
    arena.proxy.heal()
    // News from the environment count once a second has passed since the last attempt.
    await expect
      .poll(
        async () => {
          await page.context().setOffline(true)
          await page.context().setOffline(false)
          return page.evaluate(() => (globalThis as unknown as InPage).states)
        },
        { interval: 300 },
      )
      .toContain('connecting')
    await expect.poll(() => page.evaluate(() => (globalThis as unknown as InPage).states.at(-1))).toBe('open')
  })

  test('resolves a relative URL against <base>, as `new WebSocket` does', async () => {
    const { arena, page } = await open('client')
    await page.evaluate(() => {
      history.replaceState(null, '', '/rooms/5')
      document.head.innerHTML = '<base href="/app/">'
      void new WebSocket('ws/native/')
    })
    await connectIn(page, 'ws/library/')
    await expect.poll(() => arena.paths.toSorted()).toEqual(['/app/ws/library/', '/app/ws/native/'])
  })

  test('closes the connection of a page in the back/forward cache, and opens another when the page returns', async () => {
    const { arena, page } = await open('client', whole)
    await connectIn(page, arena.url)
    await page.goto(`${arena.pageUrl}elsewhere`)
    await expect.poll(() => arena.paths).toEqual([])
    // Observed at the server: a reloaded page would have no script, and so no connection.
    await page.evaluate(() => setTimeout(() => history.back(), 0))
    await expect.poll(() => arena.paths).toEqual(['/'])
    expect(arena.proxy.accepted).toBe(2)
  })

  test('answers a request in a page without any part of Node', async () => {
    const { arena, page } = await open('client')
    await connectIn(page, arena.url)
    const answer = await page.evaluate(() => (globalThis as unknown as InPage).socket.request({ n: 7 }))
    expect(answer).toMatchObject({ n: 7 })
  })

  test('shows each state with a countdown in useSocket and useSocketState, and closes with the component', async () => {
    const { arena, page } = await open('react')
    const text = (): Promise<string | null> => page.textContent('main')
    await page.evaluate((url) => (globalThis as unknown as InPage).suite.mount(url), arena.url)
    await expect.poll(text).toBe('open 0 []')
    // Strict mode mounts twice: the first client was closed, one is left.
    const clients = (): number => arena.paths.length
    await expect.poll(clients).toBe(1)
    await arena.control({ do: 'say', text: '{"text":"one"}' })
    await arena.control({ do: 'say', text: '{"text":"two"}' })
    await expect.poll(text).toBe('open 0 [one two]')

    await arena.control({ do: 'cut' })
    const countdown = (): Promise<number[]> =>
      page.evaluate(() => {
        const { texts } = (globalThis as unknown as InPage).suite.seen
        return texts.flatMap((one) => /^reconnecting (\d+) \[one two\]$/.exec(one)?.[1] ?? []).map(Number)
      })
    await expect.poll(async () => (await countdown()).length).toBeGreaterThanOrEqual(3)
    const seconds = await countdown()
    expect(seconds).toEqual([...new Set(seconds)].toSorted((one, other) => other - one))
    expect(seconds[0]).toBeLessThanOrEqual(30)
    expect(seconds.at(-1)).toBeGreaterThan(0)
    await page.evaluate(() => (globalThis as unknown as InPage).suite.seen.socket?.reconnect())
    await expect.poll(text).toBe('open 0 [one two]')

    await page.evaluate((url) => (globalThis as unknown as InPage).suite.seen.changeUrl?.(url), `${arena.url}other`)
    await expect.poll(() => arena.paths).toEqual(['/other'])
    await page.evaluate(() => (globalThis as unknown as InPage).suite.seen.unmount?.())
    await expect.poll(clients).toBe(0)
  })

  testLivePages(
    () => browser,
    () => whole,
  )
})
