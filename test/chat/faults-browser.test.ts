import { readFileSync } from 'node:fs'
import { setTimeout as delay } from 'node:timers/promises'

import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { databaseFolder, startChat, type ChatServer } from './chat-server.ts'

/** Generous: a browser on a busy machine of two cores takes its time. */
const WAIT_MS = 60_000
/** How long each fault lasts, for the two that have a length. */
const FAULT_MS = Number(process.env.TIDEWAY_CHAT_FAULT_MS ?? 1500)
/** Between the first two messages of a tab. Later pauses are longer, so that a slow restart does not mean hundreds of messages. */
const PAUSE_MS = 100
/** Between two looks at the messages of a page, which the page makes a list of each time. */
const INTERVAL_MS = 500

vi.setConfig({ testTimeout: 6 * WAIT_MS, hookTimeout: 2 * WAIT_MS })

/** Ends a process and its children at once, without a signal that they can handle. */
function killAll(pid: number): void {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean)
  for (const each of [pid, ...children.map(Number)]) process.kill(each, 'SIGKILL')
}

describeWith(['headlessChromium', 'redis'], 'two tabs of the chat', () => {
  let redis: RedisServer
  let database: Awaited<ReturnType<typeof databaseFolder>>
  let server: ChatServer
  let browser: Browser

  function start(port = 0): Promise<ChatServer> {
    const env = { REDIS_URL: redis.url }
    return startChat({ port, database: database.file('chat.db'), flags: ['--workers=2'], env })
  }

  beforeAll(async () => {
    redis = await RedisServer.start()
    database = await databaseFolder()
    server = await start()
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
    browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args })
  })

  afterAll(async () => {
    await browser.close()
    await server.stop()
    await redis.stop()
    await database.remove()
  })

  async function tab(): Promise<[BrowserContext, Page]> {
    const context = await browser.newContext()
    const page = await context.newPage()
    page.setDefaultTimeout(WAIT_MS)
    await page.goto(`${server.origin}/rooms/lobby`)
    await page.getByRole('status').getByText('Connected', { exact: true }).waitFor()
    return [context, page]
  }

  it('show every message once and in one order through kills, restarts and a lost network', async () => {
    const [[, first], [network, second]] = [await tab(), await tab()]
    const said: string[] = []

    async function say(page: Page, text: string): Promise<void> {
      said.push(text)
      await page.getByLabel('Message', { exact: true }).fill(text)
      await page.keyboard.press('Enter')
    }

    /** Both tabs write while it happens, and a little after it. */
    async function during(name: string, fault: () => Promise<unknown>): Promise<void> {
      const happening = { isOver: false }
      const happened = fault().finally(() => (happening.isOver = true))
      await Promise.all(
        [first, second].map(async (page, n) => {
          for (let i = 0; i < 3 || !happening.isOver; i++) {
            await say(page, `${name} ${n} ${i}`)
            await delay(PAUSE_MS * (i + 1))
          }
        }),
      )
      await happened
    }

    const shown = (page: Page): Promise<string[]> =>
      page.getByRole('log').locator('li:not(.pending) .text').allTextContents()

    const faults: Readonly<Record<string, () => Promise<unknown>>> = {
      'a killed server': async () => {
        killAll(server.pid)
        await server.exited
        server = await start(server.port)
      },
      'a restarted Redis': async () => {
        await redis.crash()
        await delay(FAULT_MS)
        await redis.run()
      },
      'a rolling restart': async () => {
        process.kill(server.pid, 'SIGHUP')
        await vi.waitUntil(() => server.output().includes('All workers were replaced.'), { timeout: WAIT_MS })
      },
      'no network': async () => {
        await network.setOffline(true)
        await delay(FAULT_MS)
        await network.setOffline(false)
      },
    }
    for (const [name, fault] of Object.entries(faults)) {
      const from = said.length
      await during(name, fault)
      for (const page of [first, second]) {
        await expect
          .poll(async () => (await shown(page)).toSorted(), { timeout: WAIT_MS, interval: INTERVAL_MS })
          .toEqual(said.toSorted())
      }
      console.log(`${name}: ${said.length - from} messages in both tabs, once each`)
    }
    expect(await shown(first)).toEqual(await shown(second))
    for (const page of [first, second]) {
      expect(await page.getByRole('list', { name: 'Not sent yet' }).getByRole('listitem').count()).toBe(0)
    }
  })
})
