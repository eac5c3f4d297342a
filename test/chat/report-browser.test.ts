import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'

import { describeWith, programPath } from '../setup/describe-with.ts'
import { databaseFolder, startChat, type ChatServer } from './chat-server.ts'

/** Generous: a browser on a busy machine of two cores takes its time. */
const WAIT_MS = 20_000

describeWith(['headlessChromium'], '/report in a browser', () => {
  let database: Awaited<ReturnType<typeof databaseFolder>>
  let server: ChatServer
  let browser: Browser
  const problems: string[] = []

  vi.setConfig({ testTimeout: 4 * WAIT_MS })

  beforeAll(async () => {
    database = await databaseFolder()
    server = await startChat({ database: database.file('chat.db') })
    const args = ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update']
    browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args })
  })

  afterAll(async () => {
    await browser.close()
    await server.stop()
    await database.remove()
  })

  async function visitor(): Promise<Page> {
    const page = await (await browser.newContext()).newPage()
    page.setDefaultTimeout(WAIT_MS)
    page.on('pageerror', (error) => problems.push(error.message))
    page.on('console', (message) => {
      if (message.type() === 'error') problems.push(message.text())
    })
    await page.goto(`${server.origin}/rooms/lobby`)
    await page.getByRole('status').getByText('Connected', { exact: true }).waitFor()
    return page
  }

  async function say(page: Page, message: string): Promise<void> {
    await page.getByLabel('Message', { exact: true }).fill(message)
    await page.keyboard.press('Enter')
  }

  const bar = (page: Page) => page.getByRole('progressbar', { name: 'Counting this room’s words' })
  const picture = (page: Page) =>
    page.getByRole('img', { name: 'How often each word was said: lighthouse 2, harbour 1.' })

  it('shows the bar and then the picture to every client in the room, also after a reload', async () => {
    const [anna, jun] = [await visitor(), await visitor()]
    await say(anna, 'lighthouse harbour lighthouse')
    await say(anna, '/report')
    await Promise.all([bar(anna).waitFor(), bar(jun).waitFor()])
    for (const page of [anna, jun]) {
      await picture(page).waitFor()
      // What the site's Content-Security-Policy keeps out, or what is no image, has no width of its own.
      await expect.poll(() => picture(page).evaluate((image) => (image as HTMLImageElement).naturalWidth)).toBe(360)
      expect(await bar(page).isVisible()).toBe(false)
    }
    await say(anna, 'What a picture')
    await say(jun, 'I like it')
    await anna.getByText('I like it').waitFor()
    await jun.reload()
    await picture(jun).waitFor()
    expect(await picture(jun).count()).toBe(1)
    // At its time, and not behind what was said since.
    const order = await jun
      .locator('[data-messages] :is(.text, figure img)')
      .evaluateAll((nodes) => nodes.map((node) => (node instanceof HTMLImageElement ? 'picture' : node.textContent)))
    expect(order).toEqual(['lighthouse harbour lighthouse', '/report', 'picture', 'What a picture', 'I like it'])
    expect(problems).toEqual([])
  })
})
