import { spawn } from 'node:child_process'
import { serve, type RunningServer } from 'tideway/server'
import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it, onTestFinished } from 'vitest'
import application, { channelLayer } from '../../examples/stream/src/application.ts'
import { run } from '../../examples/stream/src/run.ts'
import { endRuns, startRun } from '../../examples/stream/src/task.ts'
import { describeWith, programPath } from '../setup/describe-with.ts'
import { patiently } from '../setup/patiently.ts'

/** A folder for screenshots: none without it. */
const SCREENSHOTS = process.env['TIDEWAY_SCREENSHOTS']

const textOf = (page: Page): Promise<string> => page.locator('[data-answer]').innerText()

/** All that the group has of an answer. */
async function kept(id: string): Promise<{ text: string; names: string[]; end: unknown }> {
  const events = await run(id).history(channelLayer, { last: 5000 })
  const text = events.map((event) => (event.name === 'text' ? event.data.text : '')).join('')
  return { text, names: events.map(({ name }) => name), end: events.at(-1) }
}

/** Waits until the page shows more than this text, which has to begin with it. */
async function growing(page: Page, before = ''): Promise<string> {
  return patiently(async () => {
    const text = await textOf(page)
    expect(text.length).toBeGreaterThan(before.length + 40)
    expect(text.startsWith(before)).toBe(true)
    return text
  })
}

describeWith(['headlessChromium', 'curl'], 'the example of a long answer', () => {
  let browser: Browser
  let server: RunningServer

  beforeAll(async () => {
    server = await serve(application, { listen: [{ host: '127.0.0.1', port: 0 }] })
    browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args: ['--no-sandbox'] })
  })
  afterAll(async () => {
    await browser?.close()
    await server?.close(0)
  })

  async function visit(context: BrowserContext, address = server.url): Promise<Page> {
    const page = await context.newPage()
    page.on('pageerror', (error) => expect.soft(error.message).toBe(''))
    await page.goto(address)
    return page
  }

  /** Asks for an answer that takes a minute and more, and returns its id. */
  async function ask(page: Page): Promise<string> {
    await page.locator('select').selectOption('2000')
    await page.locator('input').fill('What happens to a long answer?')
    await page.locator('button', { hasText: 'Ask' }).click()
    await page.waitForURL(/#./)
    return new URL(page.url()).hash.slice(1)
  }

  function curl(body: object, accept: string): { readonly output: () => string; readonly ended: Promise<string> } {
    const headers = [`Origin: ${server.url}`, 'Content-Type: application/json', `Accept: ${accept}`]
    const child = spawn('curl', [
      '-N',
      '-s',
      `${server.url}/ws/answers/`,
      ...headers.flatMap((header) => ['-H', header]),
      '-d',
      JSON.stringify(body),
    ])
    onTestFinished(() => void child.kill())
    let text = ''
    child.stdout.setEncoding('utf8').on('data', (data: string) => (text += data))
    return { output: () => text, ended: new Promise((resolve) => child.once('close', () => resolve(text))) }
  }

  it('shows the whole answer in a second tab and after a reload in the middle, until it is stopped', async () => {
    const context = await browser.newContext({ viewport: { width: 1280, height: 800 } })
    onTestFinished(() => context.close())
    const first = await visit(context)
    if (SCREENSHOTS !== undefined) await first.screenshot({ path: `${SCREENSHOTS}/stream-empty.png` })
    const id = await ask(first)
    const before = await growing(first)
    const second = await visit(context, first.url())
    await growing(second, before)
    await first.reload()
    const after = await growing(first, before)
    if (SCREENSHOTS !== undefined) {
      await first.screenshot({ path: `${SCREENSHOTS}/stream.png` })
      await second.setViewportSize({ width: 390, height: 844 })
      await second.screenshot({ path: `${SCREENSHOTS}/stream-phone.png` })
    }
    expect(await first.locator('[data-connection]').innerText()).toBe('connected by WebSocket')
    await second.locator('[data-stop]').click()
    for (const page of [first, second]) await page.getByText('Stopped.').waitFor()
    const { text, end } = await kept(id)
    expect(end).toMatchObject({ name: 'done', data: { reason: 'stopped' } })
    expect(text.length).toBeGreaterThan(after.length)
    for (const page of [first, second]) expect(await textOf(page)).toBe(text)
    expect(await first.locator('[data-stop]').isVisible()).toBe(false)
  })

  it('arrives over HTTP in a page without WebSockets, also after a reload in the middle', async () => {
    const context = await browser.newContext({ viewport: { width: 390, height: 844 } })
    onTestFinished(() => context.close())
    await context.addInitScript(() => Reflect.deleteProperty(globalThis, 'WebSocket'))
    const page = await visit(context)
    const id = await ask(page)
    const before = await growing(page)
    await page.reload()
    await growing(page, before)
    expect(await page.locator('[data-connection]').innerText()).toBe('connected by HTTP stream')
    await page.locator('[data-stop]').click()
    await page.getByText('Stopped.').waitFor()
    expect(await textOf(page)).toBe((await kept(id)).text)
  })

  it('is asked for and read by curl, to its end', async () => {
    const input = { prompt: 'by curl', words: 60 }
    const asked = await curl({ t: 'request', id: crypto.randomUUID(), m: 'ask', d: input }, 'application/json').ended
    const [answer] = JSON.parse(asked) as [{ ok: { run: string } }]
    const id = answer.ok.run
    const stream = curl({ t: 'hello', v: 1, groups: { [`run.${id}`]: { last: 5000 } } }, 'text/event-stream')
    await patiently(() => expect(stream.output()).toContain('"e":"done"'))
    const frames = stream
      .output()
      .split('\n')
      .flatMap((line) => (line.startsWith('data: ') ? [JSON.parse(line.slice(6)) as Record<string, unknown>] : []))
    const events = frames.filter((frame) => 'e' in frame)
    const { text, names } = await kept(id)
    expect(events.map(({ e }) => e)).toEqual(names)
    expect(names).toEqual(['started', ...names.slice(2).map(() => 'text'), 'done'])
    expect(events.map(({ d }) => (d as { text?: string }).text ?? '').join('')).toBe(text)
    expect(events.at(-1)).toMatchObject({ d: { reason: 'complete' } })
    expect(text.split(/\s+/)).toHaveLength(64)
  })

  it('ends as failed when the server stops', async () => {
    const id = await startRun(channelLayer, { prompt: 'Hello?', words: 2000 })
    await endRuns()
    expect((await kept(id)).end).toMatchObject({ name: 'done', data: { reason: 'failed' } })
  })
})
