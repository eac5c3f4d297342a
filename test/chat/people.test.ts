import { once } from 'node:events'
import { promisify } from 'node:util'

import type { SessionData } from 'express-session'
import { serve, type RunningServer } from 'tideway'
import { closeThreads } from 'tideway/worker'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'

import './temporary-database.ts'
import application from '../../examples/chat/src/application.ts'
import { database } from '../../examples/chat/src/database.ts'
import { store } from '../../examples/chat/src/people/visitors.ts'

// Passwords are slow on purpose, and slower on a machine that is busy.
vi.setConfig({ testTimeout: 60_000 })

const PASSWORD = 'correct horse battery'

/** A browser, as far as cookies go. */
class Browser {
  readonly #server: RunningServer
  cookie = ''

  constructor(server: RunningServer) {
    this.#server = server
  }

  async ask(method: string, path: string, body?: object): Promise<{ status: number; body: unknown }> {
    const response = await fetch(this.#server.url + path, {
      method,
      headers: { cookie: this.cookie, ...(body && { 'content-type': 'application/json' }) },
      ...(body && { body: JSON.stringify(body) }),
    })
    const [set] = response.headers.getSetCookie()
    if (set !== undefined) this.cookie = set.split(';')[0]!
    return { status: response.status, body: await response.json() }
  }

  async me(): Promise<unknown> {
    return (await this.ask('GET', '/api/me')).body
  }

  /** A connection of the plain protocol, to say something and hear under which name. */
  async open(room = 'people'): Promise<WebSocket> {
    const { url, webSocketUrl } = this.#server
    const socket = new WebSocket(`${webSocketUrl}/ws/chat/${room}/`, { origin: url, headers: { cookie: this.cookie } })
    await once(socket, 'open')
    return socket
  }
}

describe('the people of the chat', () => {
  let server: RunningServer
  let people = 0

  beforeAll(async () => {
    server = await serve(application, { port: 0 })
  })

  afterAll(async () => {
    await server.close()
    await closeThreads()
  })

  const newName = (): string => `Person ${++people}`

  async function signedUp(name: string): Promise<Browser> {
    const browser = new Browser(server)
    expect(await browser.ask('POST', '/api/me/account', { name, password: PASSWORD })).toEqual({
      status: 201,
      body: { name, hasAccount: true },
    })
    return browser
  }

  async function loggedIn(name: string): Promise<Browser> {
    const browser = new Browser(server)
    expect((await browser.ask('POST', '/api/me/login', { name, password: PASSWORD })).status).toBe(200)
    return browser
  }

  async function userOf(socket: WebSocket): Promise<string> {
    socket.send('{"message":"hi"}')
    const [data] = (await once(socket, 'message')) as [Buffer]
    return (JSON.parse(data.toString()) as { user: string }).user
  }

  async function closing(socket: WebSocket): Promise<[number, string]> {
    const [code, reason] = (await once(socket, 'close')) as [number, Buffer]
    return [code, reason.toString()]
  }

  it('have the same user in the consumer as over HTTP', async () => {
    const name = newName()
    for (const browser of [await signedUp(name), await loggedIn(name)]) {
      expect(await browser.me()).toEqual({ name, hasAccount: true })
      const socket = await browser.open()
      expect(await userOf(socket)).toBe(name)
      socket.close()
      await once(socket, 'close')
    }
  })

  it('lose every connection with 4401 in each browser when they log out; other people lose none', async () => {
    const name = newName()
    const [one, other] = [await signedUp(name), await loggedIn(name)]
    const bystander = await (await signedUp(newName())).open()
    const sockets = [await one.open(), await one.open('elsewhere'), await other.open()]
    const closed = Promise.all(sockets.map(closing))
    expect(await one.ask('POST', '/api/me/logout', {})).toEqual({ status: 200, body: { name: '' } })
    expect(await closed).toEqual(sockets.map(() => [4401, 'revoked']))
    for (const browser of [one, other]) {
      expect(await browser.me()).toEqual({ name: '' })
      const socket = await browser.open('after')
      expect(await userOf(socket)).toBe('')
      socket.close()
      await once(socket, 'close')
    }
    expect(bystander.readyState).toBe(WebSocket.OPEN)
    bystander.close()
    await once(bystander, 'close')
  })

  it('have a name that no other person can use', async () => {
    const name = newName()
    await signedUp(name)
    const stranger = new Browser(server)
    for (const like of [name, name.toUpperCase(), ` ${name} `, name.replace('P', '\uFF30'), `${name}\u200D\uFE0F`]) {
      expect((await stranger.ask('PUT', '/api/me', { name: like })).status).toBe(422)
      expect((await stranger.ask('POST', '/api/me/account', { name: like, password: PASSWORD })).status).toBe(422)
    }
    expect(await stranger.me()).toEqual({ name: '' })
  })

  it('replace a guest with the same name', async () => {
    const name = newName()
    const guest = new Browser(server)
    expect((await guest.ask('PUT', '/api/me', { name })).body).toEqual({ name })
    await signedUp(name)
    expect(await guest.me()).toEqual({ name: '' })
    const socket = await guest.open()
    expect(await userOf(socket)).toBe('')
    socket.close()
    await once(socket, 'close')
  })

  it('replace a connected guest: its connection closes with 4009, and its next one has no name', async () => {
    const name = newName()
    const [guest, namesake, other] = [new Browser(server), new Browser(server), new Browser(server)]
    await guest.ask('PUT', '/api/me', { name })
    await namesake.ask('PUT', '/api/me', { name: `${name.toUpperCase()}\u200D` })
    await other.ask('PUT', '/api/me', { name: `${name}a` })
    const sockets = [await guest.open(), await namesake.open('elsewhere')]
    const closed = Promise.all(sockets.map(closing))
    const bystander = await other.open()
    const owner = await (await signedUp(name)).open()
    expect(await closed).toEqual(sockets.map(() => [4009, 'name taken']))
    const again = await guest.open('again')
    expect(await userOf(again)).toBe('')
    for (const socket of [bystander, owner, again]) {
      expect(socket.readyState).toBe(WebSocket.OPEN)
      socket.close()
      await once(socket, 'close')
    }
  })

  it('get a new session at login, so that a planted session is useless', async () => {
    const name = newName()
    await signedUp(name)
    const victim = new Browser(server)
    await victim.ask('PUT', '/api/me', { name: 'Mallory' })
    const planted = victim.cookie
    await victim.ask('POST', '/api/me/login', { name, password: PASSWORD })
    expect(victim.cookie).not.toBe(planted)
    const thief = new Browser(server)
    thief.cookie = planted
    expect(await thief.me()).toEqual({ name: '' })
  })

  it('stay logged in longer with each request, and logged out if a pending request ends later', async () => {
    const browser = await signedUp(newName())
    const id = decodeURIComponent(browser.cookie).slice('connect.sid=s:'.length).split('.')[0]!
    const session = (await promisify(store.get.bind(store))(id)) as SessionData
    expect(session).toHaveProperty('accountId')
    const later = new Date(Date.now() + 60 * 24 * 60 * 60 * 1000).toISOString()
    const longer = { ...session, cookie: { originalMaxAge: 1000, expires: later } } as unknown as SessionData
    store.touch(id, longer)
    expect(await promisify(store.get.bind(store))(id)).toEqual(longer)
    await browser.ask('POST', '/api/me/logout', {})
    store.touch(id, session)
    expect(await promisify(store.get.bind(store))(id)).toBeNull()
  })

  it('are refused with a wrong password, with the same answer as for an unknown name', async () => {
    const name = newName()
    await signedUp(name)
    const browser = new Browser(server)
    const wrong = await browser.ask('POST', '/api/me/login', { name, password: 'not the password' })
    const unknown = await browser.ask('POST', '/api/me/login', { name: 'unknown', password: 'not the password' })
    expect(wrong).toEqual({ status: 422, body: { error: 'There is no such name and password.' } })
    expect(unknown).toEqual(wrong)
    expect(await browser.me()).toEqual({ name: '' })
  })

  it('may try ten passwords per name and minute', async () => {
    const name = newName()
    const browser = new Browser(server)
    const statuses = []
    for (let i = 0; i < 11; i++) {
      // However it is written.
      const written = i % 2 === 0 ? name : name.toUpperCase()
      statuses.push((await browser.ask('POST', '/api/me/login', { name: written, password: 'x' })).status)
    }
    expect(statuses).toEqual([...Array(10).fill(422), 429])
  })

  it.each([
    ['a password of 7 characters', { name: 'Person', password: 'x'.repeat(7) }],
    ['a password of 201 characters', { name: 'Person', password: 'x'.repeat(201) }],
    ['a password that is no text', { name: 'Person', password: 12_345_678 }],
    ['no name', { name: '', password: PASSWORD }],
    ['a reserved name', { name: 'Guest', password: PASSWORD }],
    ['nothing', {}],
  ])('create no account with %s', async (_what, body) => {
    const browser = new Browser(server)
    const { status, body: answer } = await browser.ask('POST', '/api/me/account', body)
    expect(status).toBe(422)
    expect(answer).toEqual({ error: expect.stringMatching(/.+/) })
    expect(browser.cookie).toBe('')
  })

  it('have no password in the database', async () => {
    await signedUp(newName())
    const rows = JSON.stringify(database().prepare('SELECT * FROM accounts').all())
    expect(rows).not.toContain(PASSWORD)
  })
})
