import { once } from 'node:events'

import { serve, type RunningServer } from 'tideway'
import { closeThreads } from 'tideway/worker'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import './temporary-database.ts'
import application from '../../examples/chat/src/application.ts'
import { append } from '../../examples/chat/src/room/history.ts'
import type { Said } from '../../examples/chat/src/room/protocol.ts'
import { enterRoom, openVisitor, textsOf, type Answer, type Visitor } from './visitor.ts'

describe('the protocol of the page', () => {
  let server: RunningServer
  const visitors: Visitor[] = []
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

  const newRoom = (): string => `protocol_room_${++rooms}`

  async function open(path: string): Promise<Visitor> {
    const visitor = await openVisitor(server.url, path)
    visitors.push(visitor)
    return visitor
  }

  async function enter(
    room: string,
    name: string,
    seen?: object,
    headers?: Readonly<Record<string, string>>,
  ): Promise<[Visitor, Answer]> {
    const entered = await enterRoom(server.url, room, name, seen, headers)
    visitors.push(entered[0])
    return entered
  }

  /** A client of the plain protocol that has entered the room. */
  async function enterPlain(room: string): Promise<Visitor> {
    return open(`/ws/chat/${room}/`)
  }

  async function closeCode({ socket }: Visitor): Promise<number> {
    const [code] = (await once(socket, 'close')) as [number]
    return code
  }

  it('exchanges messages with clients of the plain protocol in the same room', async () => {
    const room = newRoom()
    const [page] = await enter(room, 'Anna')
    const plain = await enterPlain(room)
    page.say('from the page')
    expect(await plain.next(() => true)).toEqual({ message: 'from the page', user: '' })
    plain.tell({ message: 'from a plain client' })
    expect(await plain.next(() => true)).toEqual({ message: 'from a plain client', user: '' })
    const [own, heard] = await page.hear('from a plain client')
    expect(own).toMatchObject({ number: expect.any(Number), message: 'from the page', key: expect.any(String) })
    expect(heard).toEqual({ number: null, at: expect.any(Number), message: 'from a plain client', user: '' })
  })

  it('assigns a number to guests without a name, the same for each of their messages', async () => {
    const room = newRoom()
    const [[anna], [jun]] = [await enter(room, 'Anna'), await enter(room, 'Jun')]
    anna.say('one')
    anna.say('two')
    const [one, two] = await jun.hear('one', 'two')
    jun.say('three')
    const three = (await jun.hear('three')).at(-1)!
    expect(one!.guest).toBeGreaterThanOrEqual(100)
    expect(one!.guest).toBeLessThan(1000)
    expect([two!.guest, three.guest === one!.guest]).toEqual([one!.guest, false])
  })

  it.each([
    ['an account', 'POST', '/api/me/account', { name: 'Bora', password: 'correct horse battery' }],
    ['the session of a guest with a name', 'PUT', '/api/me', { name: 'Kim' }],
  ])('marks the messages of %s as own in each tab, and in no other session', async (_what, method, path, body) => {
    const signedUp = await fetch(server.url + path, {
      method,
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const headers = { cookie: signedUp.headers.getSetCookie()[0]!.split(';')[0]! }
    const room = newRoom()
    const [laptop] = await enter(room, 'laptop', undefined, headers)
    const [phone] = await enter(room, 'phone', undefined, headers)
    const [stranger] = await enter(room, 'stranger')
    laptop.say('from the laptop')
    for (const [visitor, isOwn] of [
      [laptop, true],
      [phone, true],
      [stranger, false],
    ] as const) {
      const [said] = await visitor.hear('from the laptop')
      expect(said).toMatchObject({ user: body.name })
      expect('key' in said!).toBe(isOwn)
    }
    // Nor does one device tell the other that its user is writing.
    laptop.tell({ type: 'typing' })
    await stranger.next(({ type }) => type === 'typing')
    laptop.say('end')
    const heardUntilEnd: unknown[] = []
    await phone.next(({ type, messages }) => {
      heardUntilEnd.push(type)
      return messages?.[0]?.message === 'end'
    })
    expect(heardUntilEnd).not.toContain('typing')
  })

  it('delivers messages in rooms of any language, only within the room', async () => {
    const [seoul, busan] = ['서울'.repeat(20), '부산-2'].map((name) => encodeURIComponent(name)) as [string, string]
    const [[one], [two], [three]] = [await enter(seoul, 'one'), await enter(seoul, 'two'), await enter(busan, 'three')]
    three.say('in Busan')
    await three.hear('in Busan')
    one.say('in Seoul')
    expect(textsOf(await two.hear('in Seoul'))).toEqual(['in Seoul'])
    two.tell({ type: 'typing' })
    await one.next(({ type }) => type === 'typing')
  })

  it('shows no message of the plain protocol that is not a text', async () => {
    const room = newRoom()
    const [page] = await enter(room, 'Anna')
    const plain = await enterPlain(room)
    for (const message of [{}, null, 1, ['x'], 'a text']) plain.tell({ message })
    expect(textsOf(await page.hear('a text'))).toEqual(['a text'])
  })

  it('marks a message as own only for the tab that wrote it', async () => {
    const room = newRoom()
    const [[anna], [jun]] = [await enter(room, 'Anna'), await enter(room, 'Jun')]
    anna.say('mine')
    expect((await anna.hear('mine'))[0]).toHaveProperty('key')
    expect((await jun.hear('mine'))[0]).not.toHaveProperty('key')
    // Again after a reload, whose connection has the same secret.
    expect((await (await enter(room, 'Anna'))[0].hear('mine'))[0]).toHaveProperty('key')
  })

  it('stores a message that is sent again with the same key once, and answers again', async () => {
    const room = newRoom()
    const [anna] = await enter(room, 'Anna')
    for (let i = 0; i < 3; i++) anna.say('hello')
    anna.say('end')
    for (let i = 0; i < 3; i++) await anna.next(({ id }) => id === 'id-hello')
    const [late] = await enter(room, 'Jun')
    expect(textsOf(await late.hear('end'))).toEqual(['hello', 'end'])
    // The key of one tab is nothing to another.
    late.say('hello')
    await late.hear('hello')
    const [later] = await enter(room, 'Kim')
    expect(textsOf(await later.hear('hello'))).toEqual(['hello', 'end', 'hello'])
  })

  it('sends the missed messages to a reconnected client without a gap or a duplicate, also during new messages', async () => {
    const room = newRoom()
    const [writer] = await enter(room, 'writer')
    const [first, { history }] = await enter(room, 'reader')
    const expected = Array.from({ length: 400 }, (_, i) => `line ${i}`)
    for (const line of expected.slice(0, 50)) writer.say(line)
    const heard = await first.hear('line 49')
    await first.leave()
    for (let from = 50; from < 400; from += 50) {
      // Away for the first half of each part, and back while the second is being said.
      for (const line of expected.slice(from, from + 25)) writer.say(line)
      await writer.next(({ id }) => id === `id-line ${from + 24}`)
      const joining = enter(room, 'reader', { history, number: heard.at(-1)!.number })
      for (const line of expected.slice(from + 25, from + 50)) writer.say(line)
      const [reader, welcome] = await joining
      expect(welcome).toMatchObject({ continues: true, hasGap: false })
      heard.push(...(await reader.hear(`line ${from + 49}`)))
      await reader.leave()
    }
    expect(textsOf(heard)).toEqual(expected)
  })

  it('sends older messages page by page, back to the first', async () => {
    const room = newRoom()
    for (let i = 0; i < 120; i++) {
      append(room, { user: '', message: `line ${i}`, author: 'otherTag', owner: '', key: `${room}-${i}` })
    }
    const [anna] = await enter(room, 'Anna')
    let { messages, hasOlder } = await anna.next(({ type }) => type === 'said')
    const sizes = []
    const all = [...messages!]
    while (hasOlder === true) {
      sizes.push(messages!.length)
      anna.tell({ type: 'older', id: 'o', before: messages![0]!.number })
      ;({ messages, hasOlder } = await anna.next(({ id }) => id === 'o'))
      all.unshift(...messages!)
    }
    expect(textsOf(all)).toEqual(Array.from({ length: 120 }, (_, i) => `line ${i}`))
    expect(sizes).toEqual([50, 50])
  })

  it('stores the last thousand messages of a room, and reports the gap to a client that was disconnected for longer', async () => {
    const room = newRoom()
    const [anna, { history }] = await enter(room, 'Anna')
    anna.say('the first')
    const [{ number }] = (await anna.hear('the first')) as [Said]
    await anna.leave()
    for (let i = 0; i < 1100; i++) {
      append(room, { user: '', message: `line ${i}`, author: 'otherTag', owner: '', key: `${room}-${i}` })
    }
    const [back, welcome] = await enter(room, 'Anna', { history, number })
    expect(welcome).toMatchObject({ continues: true, hasGap: true })
    const heard = await back.hear('line 1099')
    expect(heard.length).toBeGreaterThanOrEqual(1000)
    expect(heard.length).toBeLessThan(1050)
    expect(textsOf(heard)).toEqual(Array.from({ length: heard.length }, (_, i) => `line ${i + 1100 - heard.length}`))
  })

  it.each([
    ['of another server', { history: 'another', number: 3 }],
    ['that is yet to come', { number: Number.MAX_SAFE_INTEGER }],
  ])('starts again with a client that has seen a message %s', async (_what, seen) => {
    const room = newRoom()
    const [anna, { history }] = await enter(room, 'Anna')
    anna.say('hello')
    await anna.hear('hello')
    const [back, welcome] = await enter(room, 'Anna', { history, ...seen })
    expect(welcome).toMatchObject({ continues: false })
    expect(textsOf(await back.hear('hello'))).toEqual(['hello'])
  })

  it('sends a typing notification to all clients except the writer', async () => {
    const room = newRoom()
    const [[anna], [jun]] = [await enter(room, 'Anna'), await enter(room, 'Jun')]
    anna.tell({ type: 'typing' })
    expect(await jun.next(({ type }) => type === 'typing')).toEqual({
      type: 'typing',
      user: '',
      guest: expect.any(Number),
    })
    // Had it come to the writer, it would have come before the answer.
    anna.tell({ type: 'ping' })
    expect((await anna.next(({ type }) => type === 'typing' || type === 'pong')).type).toBe('pong')
  })

  it('sends the people in the room after each join and leave, including plain clients', async () => {
    const room = newRoom()
    const isPeople = (guests: number) => (answer: Answer) => answer.type === 'people' && answer.guests === guests
    const [anna] = await enter(room, 'Anna')
    await anna.next(isPeople(1))
    const [jun] = await enter(room, 'Jun')
    const plain = await enterPlain(room)
    await anna.next(isPeople(3))
    await jun.leave()
    await plain.leave()
    expect(await anna.next(isPeople(1))).toEqual({ type: 'people', names: [], guests: 1 })
  })

  const key = 'a-key-that-is-long-enough'
  it.each([
    ['before hello', { type: 'say', id: 'a', key, message: 'hi' }],
    ['of no type', {}],
    ['that is no object', 'null'],
    ['with a secret that can be guessed', { type: 'hello', tab: '1' }],
    ['with an invalid position', { type: 'hello', tab: key, seen: { history: 'x', number: -1 } }],
  ])('closes permanently with 4400 on a message %s', async (_what, bad) => {
    const visitor = await open(`/ws/room/${newRoom()}/`)
    const code = closeCode(visitor)
    visitor.tell(bad)
    expect(await code).toBe(4400)
  })

  it.each([
    ['hello twice', { type: 'hello', tab: key }],
    ['an empty message', { type: 'say', id: 'a', key, message: '  ' }],
    ['a message of 2,001 characters', { type: 'say', id: 'a', key, message: 'x'.repeat(2001) }],
    ['a message without a key', { type: 'say', id: 'a', message: 'x' }],
    ['a message without an id', { type: 'say', key, message: 'x' }],
    ['half a character in a message', { type: 'say', id: 'a', key, message: '\ud800' }],
    ['half a character in a key', { type: 'say', id: 'a', key: `${key}\udfff`, message: 'x' }],
    ['no number to look back from', { type: 'older', id: 'a', before: 1.5 }],
  ])('closes with 4400 on %s, and stores nothing', async (_what, bad) => {
    const room = newRoom()
    const [visitor] = await enter(room, 'Anna')
    const code = closeCode(visitor)
    visitor.tell(bad)
    expect(await code).toBe(4400)
    const [next] = await enter(room, 'Jun')
    expect((await next.next(({ type }) => type === 'said')).messages).toEqual([])
  })

  it('accepts a message of 2,000 characters', async () => {
    const room = newRoom()
    const [anna] = await enter(room, 'Anna')
    const longest = 'x'.repeat(2000)
    anna.say(longest, key)
    expect(textsOf(await anna.hear(longest))).toEqual([longest])
  })
})
