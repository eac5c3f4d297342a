import { chromium, type Browser, type BrowserContextOptions, type Locator, type Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'

import { describeWith, programPath } from '../setup/describe-with.ts'
import { databaseFolder, startChat, type ChatServer } from './chat-server.ts'
import { Page as ProtocolPage } from './page.ts'

/** Generous: a browser on a busy machine of two cores takes its time. */
const WAIT_MS = 20_000

// Without the services that a browser calls home for: a test talks to this machine only.
const browserArgs = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
]

describeWith(['headlessChromium'], 'the chat in a browser', () => {
  let database: Awaited<ReturnType<typeof databaseFolder>>
  let server: ChatServer
  let browser: Browser
  let problems: string[] = []
  let rooms = 0

  vi.setConfig({ testTimeout: 4 * WAIT_MS })

  beforeAll(async () => {
    database = await databaseFolder()
    server = await startChat({ database: database.file('chat.db') })
    browser = await chromium.launch({ executablePath: programPath('headlessChromium'), args: browserArgs })
  })

  afterAll(async () => {
    await browser.close()
    await server.stop()
    await database.remove()
  })

  afterEach(async () => {
    await Promise.all(browser.contexts().map((context) => context.close()))
    const seen = problems
    problems = []
    if (seen.length > 0) throw new Error(`The page reported:\n${seen.join('\n')}\nThe server:\n${server.output()}`)
  })

  /** A room that no other test has been in. */
  function newRoom(): string {
    return `room_${++rooms}`
  }

  /** A person with a separate browser profile. */
  async function person(options: BrowserContextOptions = {}): Promise<{ newTab: () => Promise<Page> }> {
    const context = await browser.newContext({ viewport: { width: 1100, height: 720 }, ...options })
    context.setDefaultTimeout(WAIT_MS)
    return {
      newTab: async () => {
        const page = await context.newPage()
        page.on('pageerror', (error) => problems.push(error.message))
        page.on('console', (message) => {
          if (message.type() === 'error') problems.push(message.text())
        })
        return page
      },
    }
  }

  async function enter(page: Page, room: string): Promise<void> {
    await page.goto(`${server.origin}/rooms/${room}`)
    await isConnected(page)
  }

  const isConnected = (page: Page): Promise<void> =>
    page.getByRole('status').getByText('Connected', { exact: true }).waitFor()

  async function say(page: Page, message: string): Promise<void> {
    await page.getByLabel('Message', { exact: true }).fill(message)
    await page.keyboard.press('Enter')
  }

  /** Writes `line 1`, `line 2` and so on, without a browser. */
  async function write(room: string, lines: number): Promise<void> {
    const writer = await ProtocolPage.enter(server.origin, room, 'writer')
    for (let i = 1; i <= lines; i++) await writer.say(`line ${i}`)
    writer.leave()
  }

  const bubble = (page: Page, message: string): Locator =>
    page
      .getByRole('log')
      .locator('li:not(.pending)')
      .filter({ has: page.getByText(message, { exact: true }) })

  /** `You: hello`, `guest: hello`: who is said to have said it, once it is there. */
  async function heard(page: Page, message: string): Promise<string> {
    await bubble(page, message).waitFor()
    const [who] = await bubble(page, message).locator('.who, .visually-hidden').allTextContents()
    // Guests without a name have a number each.
    return `${who!.replace(/^guest \d{3}$/, 'guest')}: ${message}`
  }

  async function callMe(page: Page, name: string): Promise<void> {
    await page.getByRole('button', { name: 'change your name' }).click()
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
  }

  it('delivers messages between two tabs, after a reload, and to a third visitor', async () => {
    const room = newRoom()
    const one = await person()
    const [first, second] = [await one.newTab(), await one.newTab()]
    await enter(first, room)
    await enter(second, room)

    await say(first, 'Is this room empty?')
    expect(await heard(first, 'Is this room empty?')).toBe('You: Is this room empty?')
    expect(await heard(second, 'Is this room empty?')).toBe('guest: Is this room empty?')
    await say(second, 'I am')
    expect(await heard(first, 'I am')).toBe('guest: I am')

    await first.reload()
    await isConnected(first)
    const third = await (await person()).newTab()
    await enter(third, room)
    await say(third, 'Me too')
    expect(await heard(first, 'Me too')).toBe('guest: Me too')
    expect(await heard(second, 'Me too')).toBe('guest: Me too')
    await say(first, 'Then we are three')
    expect(await heard(third, 'Then we are three')).toBe('guest: Then we are three')
    // Who comes late sees what was said before, and who reloads is still the one who said it.
    expect(await heard(third, 'I am')).toBe('guest: I am')
    expect(await heard(first, 'Is this room empty?')).toBe('You: Is this room empty?')
    expect(await heard(first, 'I am')).toBe('guest: I am')
  })

  it('shows each message under the name of its sender, and a new name from then on', async () => {
    const room = newRoom()
    const [anna, jun] = [await (await person()).newTab(), await (await person()).newTab()]
    await enter(anna, room)
    await enter(jun, room)
    await callMe(anna, 'Anna')
    await bubbleNotice(anna, 'You are Anna now.').waitFor()
    await say(anna, 'Good morning')
    expect(await heard(jun, 'Good morning')).toBe('Anna: Good morning')
    await say(jun, 'Good morning, Anna')
    expect(await heard(anna, 'Good morning, Anna')).toBe('guest: Good morning, Anna')
    await anna.reload()
    await isConnected(anna)
    await say(anna, 'Still me')
    expect(await heard(jun, 'Still me')).toBe('Anna: Still me')
  })

  const bubbleNotice = (page: Page, text: string): Locator => page.getByRole('log').getByText(text)

  async function logIn(page: Page, way: 'Log in' | 'Sign up', name: string): Promise<void> {
    const dialog = page.getByRole('dialog')
    const link = dialog.locator('.other-ways').getByRole('button', { name: way })
    if (await link.isVisible()) await link.click()
    await page.getByLabel('Name', { exact: true }).fill(name)
    await page.getByLabel('Password').fill('correct horse battery')
    await dialog.locator('.primary').click()
    await dialog.waitFor({ state: 'hidden' })
  }

  it('signs up, logs in on another device, and uses the account in the room', async () => {
    const room = newRoom()
    const [laptop, phone] = [await (await person()).newTab(), await (await person()).newTab()]
    await enter(laptop, room)
    await enter(phone, room)
    for (const [page, way] of [
      [laptop, 'Sign up'],
      [phone, 'Log in'],
    ] as const) {
      await page.getByRole('button', { name: 'change your name' }).click()
      await logIn(page, way, 'Lea')
      await bubbleNotice(page, 'You are Lea now.').waitFor()
    }
    await say(phone, 'It is me')
    // She is one person, on two devices.
    expect(await heard(laptop, 'It is me')).toBe('You: It is me')
    await laptop.getByText('Only you').waitFor()
    await laptop.reload()
    await isConnected(laptop)
    expect(await heard(laptop, 'It is me')).toBe('You: It is me')

    const stranger = await (await person()).newTab()
    await enter(stranger, room)
    await stranger.getByRole('button', { name: 'change your name' }).click()
    for (const [name, reason] of [
      ['lea', 'That name is taken. Is it yours? Log in.'],
      ['Guest', '“guest” is what people without a name are called.'],
    ] as const) {
      await stranger.getByLabel('Name', { exact: true }).fill(name)
      await stranger.getByRole('button', { name: 'Save' }).click()
      await stranger.getByText(reason).waitFor()
      expect(await stranger.getByRole('dialog').isVisible()).toBe(true)
    }
    // The browser itself reports each answer of 4xx.
    problems = problems.filter((problem) => !problem.includes('422'))
  })

  it('closes every tab of a person who logs out and shows a message', async () => {
    const room = newRoom()
    const laptop = await person()
    const [first, second, phone] = [await laptop.newTab(), await laptop.newTab(), await (await person()).newTab()]
    const other = await (await person()).newTab()
    for (const page of [first, second, phone, other]) await enter(page, room)
    await first.getByRole('button', { name: 'change your name' }).click()
    await logIn(first, 'Sign up', 'Noor')
    await phone.getByRole('button', { name: 'change your name' }).click()
    await logIn(phone, 'Log in', 'Noor')
    // The other tab of the same browser is told, and comes along.
    for (const page of [first, second, phone]) await bubbleNotice(page, 'You are Noor now.').waitFor()

    // Her name cannot be changed: the button leads to her account.
    expect(await first.getByRole('button', { name: 'change your name' }).count()).toBe(0)
    await first.getByRole('button', { name: 'your account' }).click()
    await first.getByRole('button', { name: 'Log out' }).click()
    for (const page of [first, second, phone]) {
      await page.getByText('You are logged out.').waitFor()
      await page.getByRole('status').getByText('Not connected').waitFor()
    }
    await isConnected(other)
    await other.getByText('Only you').waitFor()

    // After a reload as well, until she says how to go on.
    await phone.reload()
    await phone.getByText('You are logged out.').waitFor()
    await phone.getByRole('button', { name: 'Continue as a guest' }).click()
    await isConnected(phone)
    await say(phone, 'Who am I?')
    expect(await heard(other, 'Who am I?')).toBe('guest: Who am I?')

    // In one browser, one tab goes on for all.
    await first.getByRole('button', { name: 'Log in' }).click()
    await logIn(first, 'Log in', 'Noor')
    for (const page of [first, second]) await isConnected(page)
    await say(second, 'Back again')
    expect(await heard(other, 'Back again')).toBe('Noor: Back again')
  })

  it('lists the open rooms with their number of people', async () => {
    const room = newRoom()
    const [inside, outside] = [await (await person()).newTab(), await (await person()).newTab()]
    await outside.goto(server.origin)
    await enter(inside, room)
    const link = outside.getByRole('link', { name: `${room} 1 person` })
    await link.click()
    await isConnected(outside)
    expect(new URL(outside.url()).pathname).toBe(`/rooms/${room}`)
    await inside.getByText('2 people here').waitFor()
    // The list and the header agree at once, without a look at the server's list.
    await inside.route('**/api/rooms*', (route) => route.abort())
    problems = problems.filter((problem) => !problem.includes('ERR_FAILED'))
    await outside.close()
    await inside.getByText('Only you').waitFor()
    expect(await inside.getByRole('link', { name: `${room} 1 person` }).isVisible()).toBe(true)
    problems = problems.filter((problem) => !problem.includes('ERR_FAILED'))
  })

  it('writes at the bottom, makes links, refuses unknown commands, and copies the address of the room', async () => {
    const page = await (await person({ permissions: ['clipboard-read', 'clipboard-write'] })).newTab()
    const room = newRoom()
    await enter(page, room)
    const send = page.getByRole('button', { name: 'Send' })
    const input = page.getByLabel('Message', { exact: true })
    await input.fill('  ')
    expect(await send.isDisabled()).toBe(true)
    await input.fill('Hello')
    await send.click()
    await heard(page, 'Hello')
    expect(await send.isDisabled()).toBe(true)
    // A short conversation stands at the bottom, beside the box.
    const message = (await bubble(page, 'Hello').boundingBox())!
    expect((await input.boundingBox())!.y - message.y).toBeLessThan(150)

    await say(page, 'See https://example.org/a?b=c.')
    const link = page.getByRole('log').getByRole('link', { name: 'example.org' })
    expect(await link.getAttribute('href')).toBe('https://example.org/a?b=c')
    expect(await link.getAttribute('rel')).toContain('noopener noreferrer')

    for (const command of ['/reprot', '/shrug why not']) {
      await say(page, command)
      await bubbleNotice(page, `There is no command ${command.split(' ')[0]}. Try /help.`).waitFor()
      expect(await input.inputValue()).toBe(command)
    }
    await say(page, '/help')
    await bubbleNotice(page, '/report draws which words were said most in this room.').waitFor()
    await say(page, '/usr/bin is a folder')
    await heard(page, '/usr/bin is a folder')
    const texts = ['Hello', 'See https://example.org/a?b=c.', '/usr/bin is a folder']
    expect(await page.getByRole('log').locator('.text').allTextContents()).toEqual(texts)

    await page.getByRole('button', { name: 'Copy link' }).click()
    await page.getByRole('button', { name: 'Copied' }).waitFor()
    expect(await page.evaluate(() => navigator.clipboard.readText())).toBe(`${server.origin}/rooms/${room}`)
  })

  it('groups the messages of a person, distinguishes guests by number and color, and shows HTML as text', async () => {
    const room = newRoom()
    const pages = [await (await person()).newTab(), await (await person()).newTab(), await (await person()).newTab()]
    for (const page of pages) await enter(page, room)
    const [reader, ...guests] = pages
    const seen = []
    for (const page of guests) {
      const name = await page.locator('.side [data-my-name]').textContent()
      await say(page, `I am ${name}`)
      await say(page, `Still ${name}`)
      await heard(reader!, `Still ${name}`)
      const [first, second] = [bubble(reader!, `I am ${name}`), bubble(reader!, `Still ${name}`)]
      expect(await first.locator('.who').textContent()).toBe(name)
      expect(await first.locator('.avatar').textContent()).toBe(/^guest (\d{3})$/.exec(name!)?.[1])
      expect([await first.locator('.head time').count(), await second.locator('.head, .avatar').count()]).toEqual([
        1, 0,
      ])
      seen.push(await first.locator('.avatar').evaluate((avatar) => avatar.style.getPropertyValue('--hue')))
    }
    expect(seen[0]).not.toBe(seen[1])

    const message = '<img src=x onerror="document.title=1"> &amp; <b>bold</b> javascript:alert(1)'
    await say(guests[0]!, message)
    for (const page of pages) {
      await heard(page, message)
      expect(await page.locator('[data-messages] :is(img, b, a)').count()).toBe(0)
    }
  })

  it('marks what is new: in the list of rooms, above the first new message, and in the title of a hidden tab', async () => {
    const room = newRoom()
    const [reader, writer] = [await (await person()).newTab(), await (await person()).newTab()]
    await enter(reader, room)
    await enter(writer, room)
    await say(writer, 'seen')
    await heard(reader, 'seen')
    expect(await reader.getByText('New messages').count()).toBe(0)
    await enter(reader, newRoom())
    await say(writer, 'first')
    await say(writer, 'second')
    await heard(writer, 'second')
    const link = reader.getByRole('link', { name: `${room} New messages 1 person` })
    await link.waitFor()
    // It came to its room only.
    expect(await bubble(reader, 'first').count()).toBe(0)
    await link.click()
    await heard(reader, 'second')
    const shown = (): Promise<string[]> =>
      reader.locator('[data-messages] :is(.text, .divider.new)').evaluateAll((all) => all.map((one) => one.textContent))
    expect(await shown()).toEqual(['seen', 'New messages', 'first', 'second'])
    await say(reader, 'read')
    await heard(reader, 'read')
    expect(await shown()).toEqual(['seen', 'first', 'second', 'read'])

    // A browser without a window has no hidden tabs.
    const hide = (isHidden: boolean): Promise<void> =>
      reader.evaluate((isHidden) => {
        Object.defineProperty(document, 'hidden', { configurable: true, value: isHidden })
        document.dispatchEvent(new Event('visibilitychange'))
      }, isHidden)
    await hide(true)
    await say(writer, 'third')
    await heard(reader, 'third')
    expect(await reader.title()).toBe(`(1) ${room} – tideway chat`)
    expect(await shown()).toEqual(['seen', 'first', 'second', 'read', 'New messages', 'third'])
    await hide(false)
    expect(await reader.title()).toBe(`${room} – tideway chat`)
  })

  it('answers an invalid room name with an error page', async () => {
    const page = await (await person()).newTab()
    const response = await page.goto(`${server.origin}/rooms/no.such.room`)
    expect(response?.status()).toBe(404)
    await page.getByRole('heading', { name: 'A room cannot have this name' }).waitFor()
    problems = problems.filter((problem) => !problem.includes('404'))
  })

  it('has rooms of any language and the language of the browser, which a switch changes', async () => {
    const [one, other] = [await (await person()).newTab(), await person({ locale: 'ko-KR', reducedMotion: 'reduce' })]
    await one.goto(server.origin)
    await one.getByLabel('Room').fill('한국어 모임')
    await one.keyboard.press('Enter')
    await isConnected(one)
    await one.getByRole('heading', { name: '한국어_모임' }).waitFor()

    // By the list of another visitor, into the same room.
    const page = await other.newTab()
    await page.goto(server.origin)
    await page.getByRole('heading', { name: '대화방을 고르거나 새로 여세요' }).waitFor()
    await page.getByRole('link', { name: '한국어_모임 1명' }).click()
    await page.getByRole('status').getByText('연결됨').waitFor()
    await page.getByRole('button', { name: '2명 참여 중' }).waitFor()
    await say(one, '안녕하세요')
    await bubble(page, '안녕하세요').waitFor()
    expect(await bubble(page, '안녕하세요').locator('.who').textContent()).toMatch(/^손님 \d{3}$/)
    expect(await bubble(page, '안녕하세요').evaluate((item) => getComputedStyle(item).animationName)).toBe('none')
    await page.getByLabel('메시지 입력').fill('/reprot')
    await page.keyboard.press('Enter')
    await bubbleNotice(page, '/reprot 명령은 없습니다. /help를 입력해 보세요.').waitFor()
    // A reason of the server.
    await page.getByRole('button', { name: '이름 바꾸기' }).click()
    await page.getByLabel('이름', { exact: true }).fill('손님 1')
    await page.getByRole('button', { name: '저장' }).click()
    await page.getByText('“손님”은 이름이 없는 사람에게 쓰는 말입니다.').waitFor()
    problems = problems.filter((problem) => !problem.includes('422'))
    await page.keyboard.press('Escape')

    await page.getByRole('button', { name: 'English' }).click()
    await isConnected(page)
    expect(await page.evaluate(() => document.documentElement.lang)).toBe('en')
    await page.getByText('2 people here').waitFor()
    await page.goto(server.origin)
    await page.getByRole('heading', { name: 'Pick a room, or open one' }).waitFor()
  })

  it('is usable with the keyboard alone', async () => {
    const page = await (await person()).newTab()
    const { keyboard } = page
    const focused = (): Promise<string> => page.evaluate(() => document.activeElement?.id ?? '')
    await page.goto(server.origin)
    // A room: typed in a field that has the focus already, as people write a name.
    await keyboard.type('Tea time')
    await keyboard.press('Enter')
    await page.waitForURL('**/rooms/Tea_time')
    await isConnected(page)
    expect(await focused()).toBe('message')

    await keyboard.type('one')
    await keyboard.press('Shift+Enter')
    await keyboard.type('two')
    await keyboard.press('Enter')
    await page.getByRole('log').getByText('one\ntwo').waitFor()
    expect(await page.getByLabel('Message', { exact: true }).inputValue()).toBe('')

    // Away, and back with Escape.
    await keyboard.press('Shift+Tab')
    expect(await focused()).not.toBe('message')
    await keyboard.press('Escape')
    expect(await focused()).toBe('message')

    // Past the rooms in one step.
    await page.reload()
    await isConnected(page)
    const skip = page.getByRole('link', { name: 'Skip to the message box' })
    await skip.focus()
    expect((await skip.boundingBox())?.y).toBeGreaterThanOrEqual(0)
    await keyboard.press('Enter')
    expect(await focused()).toBe('message')

    // The name, from its button to the dialog and back again.
    const name = page.getByRole('button', { name: 'change your name' })
    await name.focus()
    await keyboard.press('Enter')
    expect(await focused()).toBe('my-name')
    await keyboard.press('Escape')
    await page.getByRole('dialog').waitFor({ state: 'hidden' })
    expect(await name.evaluate((button) => button === document.activeElement)).toBe(true)
    await keyboard.press('Enter')
    await keyboard.type('Kim')
    await keyboard.press('Enter')
    await bubbleNotice(page, 'You are Kim now.').waitFor()
  })

  it('keeps the scroll position of a reader and offers new messages', async () => {
    const room = newRoom()
    const [reader, writer] = [await (await person()).newTab(), await (await person()).newTab()]
    await enter(reader, room)
    await enter(writer, room)
    const log = reader.getByRole('log')
    const fromTop = (): Promise<number> => log.evaluate((node) => node.scrollTop)
    const fromEnd = (): Promise<number> =>
      log.evaluate((node) => node.scrollHeight - node.scrollTop - node.clientHeight)

    await write(room, 25)
    await heard(reader, 'line 25')
    expect(await fromEnd()).toBeLessThanOrEqual(1)

    await log.evaluate((node) => {
      node.scrollTop = 0
      return new Promise((resolve) => {
        node.addEventListener('scroll', resolve, { once: true })
      })
    })
    await say(writer, 'news')
    await reader.getByRole('button', { name: '1 new message' }).waitFor()
    expect(await fromTop()).toBe(0)
    await reader.getByRole('button', { name: '1 new message' }).click()
    await expect.poll(fromEnd).toBeLessThanOrEqual(1)
    expect(await reader.getByRole('button', { name: 'new message' }).isVisible()).toBe(false)
  })

  it('loads older messages page by page and keeps the scroll position', async () => {
    const room = newRoom()
    await write(room, 120)

    const reader = await (await person()).newTab()
    await enter(reader, room)
    await heard(reader, 'line 120')
    expect(await bubble(reader, 'line 70').count()).toBe(0)
    const log = reader.getByRole('log')
    const upTo = async (line: string): Promise<void> => {
      await log.evaluate((node) => {
        node.scrollTop = 0
      })
      await heard(reader, line)
    }
    const top = log.getByText('line 71', { exact: true })
    const place = async (): Promise<number> => (await top.boundingBox())!.y
    const before = await log.evaluate((node) => {
      node.scrollTop = 0
      return [...node.querySelectorAll('.text')]
        .find(({ textContent }) => textContent === 'line 71')!
        .getBoundingClientRect().y
    })
    await heard(reader, 'line 21')
    // Fifty more stand above it, and it has not moved (but for the name above it, which now stands higher up).
    expect(Math.abs((await place()) - before)).toBeLessThan(80)
    await upTo('line 1')
    expect(await reader.getByRole('button', { name: 'Older messages' }).isVisible()).toBe(false)
    expect(await log.locator('.text').allTextContents()).toEqual(Array.from({ length: 120 }, (_, i) => `line ${i + 1}`))
  })

  it('shows the people in the room and typing notifications', async () => {
    const room = newRoom()
    const [anna, jun] = [await (await person()).newTab(), await (await person()).newTab()]
    await enter(anna, room)
    await anna.getByText('Only you').waitFor()
    await enter(jun, room)
    await callMe(jun, 'Jun')
    await anna.getByRole('button', { name: '2 people here' }).click()
    const card = anna.getByRole('list').filter({ hasText: 'Jun' })
    await card.getByText('Jun').waitFor()
    // Guests are listed by the numbers that their messages have, and the own one is marked.
    const guest = await (await person()).newTab()
    await enter(guest, room)
    await say(guest, 'Hello')
    const number = await bubble(anna, 'Hello').locator('.avatar').textContent()
    const rows = async (): Promise<string[]> =>
      (await card.getByRole('listitem').allInnerTexts()).map((row) => row.replaceAll(/\s+/g, ' ').trim())
    await expect.poll(rows).toEqual(expect.arrayContaining([`${number} guest ${number}`]))
    expect((await rows()).filter((row) => /^(\d{3}) guest \1 you$/.test(row))).toHaveLength(1)
    await expect.poll(rows).toHaveLength(3)
    await guest.close()

    await jun.getByLabel('Message', { exact: true }).pressSequentially('Well')
    await anna.getByText('Jun is writing…').waitFor()
    await jun.keyboard.press('Enter')
    await heard(anna, 'Well')
    expect(await anna.getByText('is writing').isVisible()).toBe(false)
    await jun.close()
    await anna.getByText('Only you').waitFor()
  })

  describe('on a phone of 360 pixels', () => {
    const phone = { viewport: { width: 360, height: 640 }, isMobile: true, hasTouch: true }
    const width = (page: Page): Promise<number> => page.evaluate(() => document.documentElement.scrollWidth)

    it('never scrolls sideways, with words and names of any length', async () => {
      const page = await (await person(phone)).newTab()
      const word = 'x'.repeat(500)
      await enter(page, 'a_room_whose_name_is_as_long_as_it_may_b')
      await say(page, word)
      await heard(page, word)
      expect(await width(page)).toBe(360)
      await page.getByRole('button', { name: 'Change your name' }).tap()
      await page.getByLabel('Name', { exact: true }).fill('W'.repeat(32))
      expect(await width(page)).toBe(360)
      await page.getByRole('button', { name: 'Save' }).tap()
      await bubbleNotice(page, 'You are WWW').waitFor()
      expect(await width(page)).toBe(360)

      // A room has no other place for the language.
      await page.getByRole('button', { name: 'change your name' }).tap()
      await page.getByRole('dialog').getByRole('button', { name: '한국어' }).tap()
      await page.getByRole('textbox', { name: '메시지 입력' }).waitFor()
      expect(await width(page)).toBe(360)

      const home = await (await person(phone)).newTab()
      await home.goto(server.origin)
      await home.getByRole('link', { name: 'a_room_whose_name' }).waitFor()
      expect(await width(home)).toBe(360)
    })

    it('keeps the message box visible', async () => {
      const page = await (await person(phone)).newTab()
      await enter(page, newRoom())
      for (let i = 1; i <= 12; i++) await say(page, `line ${i}\nof two`)
      await page.getByRole('log').getByText('line 12').waitFor()
      const box = await page.getByLabel('Message', { exact: true }).boundingBox()
      expect(box!.y + box!.height).toBeLessThanOrEqual(640)
    })
  })

  it('keeps unsent messages through a reload', async () => {
    const room = newRoom()
    const one = await person()
    const [page, other] = [await one.newTab(), await (await person()).newTab()]
    await enter(page, room)
    await enter(other, room)
    // The page can be loaded, but its WebSockets go nowhere.
    await page.routeWebSocket(/\/ws\//, (socket) => socket.close())
    await page.reload()
    await page.getByRole('status').getByText('Not connected').waitFor()
    await say(page, 'before the reload')
    await page.getByText('Will be sent when you are back online').waitFor()
    await page.reload()
    await page.getByText('Will be sent when you are back online').waitFor()

    const again = await one.newTab()
    const stored = await page.evaluate(() => Object.fromEntries(Object.entries(sessionStorage)))
    await again.addInitScript((stored) => {
      if (sessionStorage.length === 0) Object.assign(sessionStorage, stored)
    }, stored)
    await enter(again, room)
    expect(await heard(other, 'before the reload')).toBe('guest: before the reload')
    expect(await heard(again, 'before the reload')).toBe('You: before the reload')
    expect(await again.locator('li.pending').count()).toBe(0)
    await again.reload()
    await isConnected(again)
    expect(await bubble(again, 'before the reload').count()).toBe(1)
  })

  // The last one: it leaves the others without their server for a moment.
  it('counts down while the server is down, and sends the messages written in that time once each', async () => {
    const room = newRoom()
    const [first, second] = [await (await person()).newTab(), await (await person()).newTab()]
    await enter(first, room)
    await enter(second, room)
    await callMe(first, 'Anna')
    await say(first, 'before')
    await heard(second, 'before')
    const input = first.getByLabel('Message', { exact: true })
    await input.fill('half a sent')

    await server.stop()
    for (const page of [first, second]) {
      await page.getByRole('status').getByText('Not connected').waitFor()
      await page.getByText('The connection is lost.').waitFor()
    }
    // Every number that the banner shows, as it changes.
    await first.evaluate(() => {
      const seen: string[] = []
      Object.assign(globalThis, { seen })
      const banner = document.querySelector('[data-lost-countdown]')!
      new MutationObserver(() => seen.push(banner.textContent)).observe(banner, { childList: true })
    })
    const countdown = (): Promise<number[]> =>
      first.evaluate(() =>
        (globalThis as unknown as { seen: string[] }).seen.flatMap(
          (text) => /in (\d+) s/.exec(text)?.slice(1).map(Number) ?? [],
        ),
      )
    await expect.poll(async () => new Set(await countdown()).size, { timeout: WAIT_MS }).toBeGreaterThan(2)

    expect(await input.inputValue()).toBe('half a sent')
    for (const text of ['one', 'two', 'three']) await say(first, text)
    await say(second, 'four')
    const waiting = first.getByRole('list', { name: 'Not sent yet' }).getByRole('listitem')
    expect(await waiting.allInnerTexts()).toEqual(
      ['one', 'two', 'three'].map((text) =>
        expect.stringMatching(`^${text}\\s+Will be sent when you are back online$`),
      ),
    )
    await first.getByText('3 messages wait.').waitFor()
    expect(await input.inputValue()).toBe('')

    server = await startChat({ port: server.port, database: database.file('chat.db') })
    for (const page of [first, second]) {
      await isConnected(page)
      await bubbleNotice(page, 'Connected again at').waitFor()
      for (const text of ['before', 'one', 'two', 'three', 'four']) await heard(page, text)
      await expect.poll(() => page.locator('li.pending').count()).toBe(0)
      const texts = await page.getByRole('log').locator('.text').allTextContents()
      expect(texts.filter((text) => text !== 'four')).toEqual(['before', 'one', 'two', 'three'])
      expect(texts).toHaveLength(5)
      expect(await page.getByText('The connection is lost.').isVisible()).toBe(false)
    }
    // The page has sent the name to the restarted server.
    expect(await heard(second, 'one')).toBe('Anna: one')
    expect(await heard(first, 'one')).toBe('You: one')

    // And what comes is still live.
    await say(second, 'and after')
    await heard(first, 'and after')
    problems = problems.filter((problem) => !/ERR_CONNECTION_REFUSED|WebSocket connection to/.test(problem))
  })
})
