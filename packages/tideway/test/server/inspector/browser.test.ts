import { once } from 'node:events'
import { chromium, type Browser, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { describeWith, programPath } from '../../../../../test/setup/describe-with.ts'
import { eventually } from '../serving.ts'
import { GROUP, startInspectedSite, TOKEN, type InspectedSite } from './site.ts'

describeWith(['headlessChromium'], 'the inspector in Chromium', () => {
  let site: InspectedSite
  let browser: Browser
  let page: Page
  const errors: string[] = []

  beforeAll(async () => {
    site = await startInspectedSite()
    browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args: ['--no-sandbox'] })
    page = await browser.newPage({ viewport: { width: 1280, height: 800 } })
    page.on('pageerror', (error) => errors.push(error.message))
    page.on('console', (line) => {
      if (line.type() === 'error' && !line.text().includes('401')) errors.push(line.text())
    })
  })

  afterAll(async () => {
    await browser.close()
    await site.close()
  })

  it('asks for the token, and opens with the right one', async () => {
    await page.goto(site.server.inspectorUrl!)
    // A link may have the token, which does not stay in the address.
    await page.waitForSelector('#sign-in[open]')
    await page.goto(`${site.server.inspectorUrl}#token=${TOKEN}`)
    await page.waitForSelector('text=serving')
    await page.waitForSelector('#sign-in', { state: 'hidden' })
    expect(page.url()).toBe(site.server.inspectorUrl)
    await page.evaluate('sessionStorage.clear()')
    await page.reload()
    await page.fill('#token', 'a wrong token')
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=This token is wrong.')
    await page.fill('#token', TOKEN)
    await page.keyboard.press('Enter')
    await page.waitForSelector('text=serving')
    await page.waitForSelector('.tile:has-text("Connections")')
    await page.waitForSelector(`#process-rows tr:has-text("this page"):has-text("${process.pid}")`)
    // The tab keeps it.
    await page.reload()
    await page.waitForSelector('text=serving')
  })

  it('finds a connection and disconnects it by the keyboard', async () => {
    const client = await site.connect('user=ann')
    const other = await site.connect(`user=${encodeURIComponent('<img src=x onerror=alert(1)>')}`)
    const closed = once(client, 'close') as Promise<[number, Buffer]>
    await page.keyboard.press('2')
    await eventually(() => page.textContent('#connection-count')).toBe('2 open')
    // Text of a client is text.
    await page.waitForSelector('td:has-text("<img src=x onerror=alert(1)>")')
    expect(await page.locator('#connection-rows img').count()).toBe(0)
    await page.keyboard.press('/')
    await page.keyboard.type('ann')
    await eventually(() => page.textContent('#connection-count')).toBe('1 of 2 open')
    await page.locator('#connection-rows button').focus()
    await page.keyboard.press('Enter')
    await page.selectOption('#code', '')
    await page.fill('#code-number', '4002')
    await page.fill('#reason', 'moderated')
    await page.click('#confirm')
    const [code, reason] = await closed
    expect([code, reason.toString()]).toEqual([4002, 'moderated'])
    await page.waitForSelector('text=Disconnected 1 connection.')
    other.terminate()
  })

  it('shows the live events of a group, and holds them while it is paused', async () => {
    const client = await site.connect('user=bert')
    await page.keyboard.press('Escape')
    await page.keyboard.press('3')
    await page.click(`#group-rows tr:has-text("${GROUP}")`)
    await page.waitForSelector('#people >> text=bert')
    await page.click('#tap')
    await page.waitForSelector('text=No event yet.')
    await site.publish('first')
    await page.waitForSelector('#tapped >> text=first')
    await page.locator('#tap').blur()
    await page.keyboard.press('Space')
    await site.publish('second')
    await page.waitForSelector('text=paused, 1 new')
    expect(await page.locator('#tapped li').count()).toBe(1)
    await page.keyboard.press('Space')
    await page.waitForSelector('#tapped >> text=second')
    await page.waitForSelector('#history >> text=second')
    await page.keyboard.press('Escape')
    await page.waitForSelector('#detail', { state: 'hidden' })
    client.terminate()
  })

  it('fits a phone in every view, and is dark if the system is', async () => {
    const client = await site.connect(`user=${'ann-the-long-'.repeat(8)}`)
    await page.setViewportSize({ width: 390, height: 844 })
    await page.emulateMedia({ colorScheme: 'dark' })
    for (const view of ['overview', 'connections', 'groups']) {
      await page.click(`#tab-${view}`)
      await page.waitForSelector(view === 'overview' ? '.tile' : `#${view} tbody tr`)
      const width = await page.evaluate('document.documentElement.scrollWidth')
      expect([view, width]).toEqual([view, 390])
    }
    expect(await page.evaluate('getComputedStyle(document.documentElement).backgroundColor')).toBe('rgb(15, 20, 24)')
    client.terminate()
  })

  it('reported no error, and its policy blocked nothing', () => {
    expect(errors).toEqual([])
  })
})
