import { serve, type RunningServer } from 'tideway'
import { closeThreads } from 'tideway/worker'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import './temporary-database.ts'
import application from '../../examples/chat/src/application.ts'
import { append } from '../../examples/chat/src/room/archive.ts'
import type { Said } from '../../examples/chat/src/room/groups.ts'
import { Page, textsOf } from './page.ts'
import { openVisitor, type Visitor } from './visitor.ts'

describe('a room', () => {
  let server: RunningServer
  const visitors: (Page | Visitor)[] = []
  let rooms = 0

  beforeAll(async () => {
    server = await serve(application, { port: 0 })
  })

  afterAll(async () => {
    await server.close()
    await closeThreads()
  })

  afterEach(async () => {
    await Promise.all(visitors.splice(0).map((visitor) => visitor.leave()))
  })

  const newRoom = (): string => `room_${++rooms}`

  async function enter(room: string, name: string, headers?: Readonly<Record<string, string>>): Promise<Page> {
    const page = await Page.enter(server.url, room, name, { socket: { ...(headers && { headers }) } })
    visitors.push(page)
    return page
  }

  /** A client of the plain protocol that has entered the room. */
  async function enterPlain(room: string): Promise<Visitor> {
    const visitor = await openVisitor(server.url, `/ws/chat/${room}/`)
    visitors.push(visitor)
    return visitor
  }

  /** A room with messages of another tab. */
  function roomWith(count: number): string {
    const room = newRoom()
    for (let i = 0; i < count; i++) {
      append(room, { user: '', message: `line ${i}`, author: 'otherTag', owner: '', key: `${room}-${i}` })
    }
    return room
  }

  it('exchanges messages with clients of the plain protocol', async () => {
    const room = newRoom()
    const [page, plain] = [await enter(room, 'Anna'), await enterPlain(room)]
    await page.say('from the page')
    expect(await plain.next()).toEqual({ message: 'from the page', user: '' })
    plain.tell({ message: 'from a plain client' })
    expect(await plain.next()).toEqual({ message: 'from a plain client', user: '' })
    const [own, heard] = await page.hear('from a plain client')
    expect(own).toMatchObject({ number: expect.any(Number), message: 'from the page', user: '' })
    expect(heard).toMatchObject({ number: null, at: expect.any(Number), message: 'from a plain client', user: '' })
  })

  it('shows no message of the plain protocol that is not a text', async () => {
    const room = newRoom()
    const [page, plain] = [await enter(room, 'Anna'), await enterPlain(room)]
    for (const message of [{}, null, 1, ['x'], 'a text']) plain.tell({ message })
    expect(textsOf(await page.hear('a text'))).toEqual(['a text'])
  })

  it('assigns a number to guests without a name, the same for each of their messages', async () => {
    const room = newRoom()
    const [anna, jun] = [await enter(room, 'Anna'), await enter(room, 'Jun')]
    await anna.say('one')
    await anna.say('two')
    await jun.say('three')
    const [one, two, three] = await jun.hear('three')
    expect(one!.guest).toBeGreaterThanOrEqual(100)
    expect(one!.guest).toBeLessThan(1000)
    expect([two!.guest, three!.guest === one!.guest]).toEqual([one!.guest, false])
    expect((await enter(room, 'Kim')).heard.map(({ guest }) => guest)).toEqual([one!.guest, one!.guest, three!.guest])
  })

  it('gives a tab the same tag after a reload, and no other tab', async () => {
    const room = newRoom()
    const [anna, jun] = [await enter(room, 'Anna'), await enter(room, 'Jun')]
    await anna.say('mine')
    const [{ author }] = (await jun.hear('mine')) as [Said]
    expect([(await anna.whoAmI()).author, (await (await enter(room, 'Anna')).whoAmI()).author]).toEqual([
      author,
      author,
    ])
    expect((await jun.whoAmI()).author).not.toBe(author)
  })

  it.each([
    ['an account', 'POST', '/api/me/account', { name: 'Bora', password: 'correct horse battery' }],
    ['the session of a guest with a name', 'PUT', '/api/me', { name: 'Kim' }],
  ])('gives the messages of %s one tag on all devices', async (_what, method, path, body) => {
    const signedUp = await fetch(server.url + path, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const headers = { cookie: signedUp.headers.getSetCookie()[0]!.split(';')[0]! }
    const room = newRoom()
    const [laptop, phone] = [await enter(room, 'laptop', headers), await enter(room, 'phone', headers)]
    const stranger = await enter(room, 'stranger')
    await laptop.say('from the laptop')
    const [said] = await stranger.hear('from the laptop')
    expect(said).toMatchObject({ user: body.name, owner: expect.stringMatching(/.+/) })
    const owners = await Promise.all([laptop, phone, stranger].map(async (page) => (await page.whoAmI()).owner))
    expect(owners).toEqual([said!.owner, said!.owner, ''])
  })

  it('has a name of any language, and messages of its own', async () => {
    const [seoul, busan] = ['서울'.repeat(20), '부산-2'] as const
    const [one, two, three] = [await enter(seoul, 'one'), await enter(seoul, 'two'), await enter(busan, 'three')]
    await three.say('in Busan')
    await one.say('in Seoul')
    expect(textsOf(await two.hear('in Seoul'))).toEqual(['in Seoul'])
  })

  it.each(['a.b', 'x'.repeat(41), 'with space', 'e\u0301'])('is refused with the name %j', async (name) => {
    const page = new Page(server.url, name, 'Anna')
    visitors.push(page)
    expect(await page.next('left')).toMatchObject({ code: 'forbidden' })
  })

  it('stores a message that is sent again with the same key once, and answers again', async () => {
    const room = newRoom()
    const anna = await enter(room, 'Anna')
    await Promise.all([anna.say('hello'), anna.say('hello'), anna.say('hello')])
    await anna.say('end')
    expect(textsOf(await anna.hear('end'))).toEqual(['hello', 'end'])
    const late = await enter(room, 'Jun')
    expect(textsOf(late.heard)).toEqual(['hello', 'end'])
    // The key of one tab is nothing to another.
    await late.say('hello')
    await late.hear('hello')
    expect(textsOf((await enter(room, 'Kim')).heard)).toEqual(['hello', 'end', 'hello'])
  })

  it('sends the newest fifty messages, and older ones page by page, back to the first', async () => {
    const anna = await enter(roomWith(120), 'Anna')
    const sizes = [anna.heard.length]
    const all = [...anna.heard]
    while (all.length < 120) {
      const page = await anna.older(all[0]!.number!)
      sizes.push(page.length)
      all.unshift(...page)
    }
    expect(textsOf(all)).toEqual(Array.from({ length: 120 }, (_, i) => `line ${i}`))
    expect(sizes).toEqual([50, 50, 20])
    expect(await anna.older(all[0]!.number!)).toEqual([])
  })

  it('keeps the last thousand messages', async () => {
    const anna = await enter(roomWith(1100), 'Anna')
    const all = [...anna.heard]
    for (;;) {
      const page = await anna.older(all[0]!.number!)
      if (page.length === 0) break
      all.unshift(...page)
    }
    expect(all.length).toBeGreaterThanOrEqual(1000)
    expect(all.length).toBeLessThan(1050)
    expect(textsOf(all)).toEqual(Array.from({ length: all.length }, (_, i) => `line ${i + 1100 - all.length}`))
  })

  it('tells who is writing, at most once a second, and again after a message', async () => {
    const room = newRoom()
    const [anna, jun] = [await enter(room, 'Anna'), await enter(room, 'Jun')]
    for (let i = 0; i < 3; i++) anna.type()
    await anna.say('one')
    anna.type()
    await anna.say('two')
    const names: string[] = []
    for (let said = 0; said < 2;) {
      const { name } = await jun.nextOf('typing', 'said')
      names.push(name)
      if (name === 'said') said++
    }
    expect(names).toEqual(['typing', 'said', 'typing', 'said'])
  })

  const key = 'a-key-that-is-long-enough'
  it.each([
    ['an empty message', { message: '  ' }],
    ['a message of 2,001 characters', { message: 'x'.repeat(2001) }],
    ['a message without a key', { key: undefined }],
    ['a secret that can be guessed', { tab: '1' }],
    ['half a character in a message', { message: '\ud800' }],
    ['half a character in a key', { key: `${key}\udfff` }],
  ])('refuses %s, and stores nothing', async (_what, bad) => {
    const room = newRoom()
    const page = await enter(room, 'Anna')
    const input = { room, tab: key, key, message: 'x', ...bad } as {
      room: string
      tab: string
      key: string
      message: string
    }
    await expect(page.client.request('say', input)).rejects.toMatchObject({ serverCode: 'bad_input' })
    expect((await enter(room, 'Jun')).heard).toEqual([])
  })

  it('refuses a message into a room that the page has not joined', async () => {
    const page = await enter(newRoom(), 'Anna')
    const input = { room: newRoom(), tab: key, key, message: 'x' }
    await expect(page.client.request('say', input)).rejects.toMatchObject({ serverCode: 'forbidden' })
    expect((await enter(input.room, 'Jun')).heard).toEqual([])
  })

  it('accepts a message of 2,000 characters', async () => {
    const page = await enter(newRoom(), 'Anna')
    const longest = 'x'.repeat(2000)
    await page.say(longest, key)
    expect(textsOf(await page.hear(longest))).toEqual([longest])
  })
})
