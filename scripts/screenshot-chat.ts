// Makes docs/images/chat.png: the chat on a desktop and on a phone, as Chromium shows it.
//   node --import tsx scripts/screenshot-chat.ts

import { chromium, type BrowserContextOptions, type Page } from 'playwright-core'

import { databaseFolder, startChat } from '../test/chat/chat-server.ts'
import { compilePackages } from '../test/setup/compile-packages.ts'

const OUTPUT = new URL('../docs/images/chat.png', import.meta.url).pathname
const DESKTOP = { width: 900, height: 600 }
const PHONE = { width: 340, height: 592 }

const FONT = ':root { --font: Inter, "DejaVu Sans", sans-serif }'

await compilePackages()
const database = await databaseFolder()
const server = await startChat({ database: database.file('chat.db') })
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--hide-scrollbars'],
})

async function enter(name: string, room: string, options: BrowserContextOptions): Promise<Page> {
  // `bypassCSP` for the font below: a picture should not depend on the fonts of the machine that took it.
  const context = await browser.newContext({ ...options, bypassCSP: true, locale: 'en-GB', reducedMotion: 'reduce' })
  await context.addInitScript((name) => localStorage.setItem('tideway-chat-name', name), name)
  const page = await context.newPage()
  await page.goto(`${server.origin}/rooms/${room}`)
  await page.addStyleTag({ content: FONT })
  await page.getByText('Connected', { exact: true }).waitFor()
  return page
}

async function say(page: Page, message: string): Promise<void> {
  await page.getByLabel('Message', { exact: true }).fill(message)
  await page.keyboard.press('Enter')
  await page.locator('li:not(.pending)').getByText(message).waitFor()
}

try {
  const lea = await enter('Lea', 'book_club', { viewport: DESKTOP })
  const guest = await enter('', 'lobby', { viewport: DESKTOP })
  const anna = await enter('Anna', 'book_club', { viewport: DESKTOP, colorScheme: 'light' })
  await anna.goto(`${server.origin}/rooms/lobby`)
  await anna.addStyleTag({ content: FONT })
  const jun = await enter('Jun', 'lobby', { viewport: PHONE, colorScheme: 'dark', hasTouch: true, isMobile: true })

  await say(anna, 'Morning! Is the tide table for Friday out?')
  await say(jun, 'It is: https://example.org/tides')
  await say(jun, 'High water at 06:40, so we would have to leave at six.')
  await say(guest, 'Six is fine for me.')
  await say(guest, 'I bring the coffee, and a second torch.')
  await say(anna, 'Then six it is. See you at the pier!')
  await say(lea, 'Chapter three tonight?')
  for (const page of [anna, jun]) {
    await page.getByText('See you at the pier!').waitFor()
    await page.getByText('3 people here').waitFor()
  }
  await anna.getByRole('link', { name: 'book_club New messages' }).waitFor()
  await anna.locator('.rooms').getByText('3 people').waitFor()
  await guest.getByLabel('Message', { exact: true }).pressSequentially('On it')
  await anna.getByText('is writing…').waitFor()

  const [desktop, phone] = await Promise.all([anna.screenshot(), jun.screenshot()])
  const canvas = await browser.newPage({ viewport: { width: 1320, height: 640 } })
  const source = (png: Buffer): string => `data:image/png;base64,${png.toString('base64')}`
  await canvas.setContent(`
    <style>
      body { margin: 0; background: transparent; }
      img { position: absolute; box-sizing: border-box; box-shadow: 0 2px 12px rgb(0 30 25 / 0.25); }
      .desktop { left: 20px; top: 20px; border-radius: 12px; }
      .phone { right: 20px; top: 20px; border: 4px solid #2b3735; border-radius: 28px; }
    </style>
    <img class="desktop" src="${source(desktop)}" width="${DESKTOP.width}">
    <img class="phone" src="${source(phone)}" width="${PHONE.width}">`)
  await canvas.screenshot({ path: OUTPUT, omitBackground: true })
} finally {
  await browser.close()
  await server.stop()
  await database.remove()
}
