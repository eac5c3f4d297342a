import { once } from 'node:events'

import { serve, type RunningServer } from 'tideway'
import { closeThreads } from 'tideway/worker'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'

import './temporary-database.ts'
import application from '../../examples/chat/src/application.ts'

describe('the protocol of the chat', () => {
  let server: RunningServer
  const clients: WebSocket[] = []

  beforeAll(async () => {
    // The errors that bad messages cause are reported. Keep them out of the output of this run.
    const logger = { debug() {}, info() {}, warn() {}, error() {} }
    server = await serve(application, { port: 0, logger })
  })

  afterAll(async () => {
    await server.close()
  })

  afterEach(async () => {
    await Promise.all(clients.splice(0).map((client) => client.readyState === WebSocket.CLOSED || leave(client)))
  })

  async function join(room: string, headers: Record<string, string> = {}): Promise<WebSocket> {
    const client = new WebSocket(`${server.webSocketUrl}/ws/chat/${room}/`, { origin: server.url, headers })
    clients.push(client)
    await once(client, 'open')
    return client
  }

  async function leave(client: WebSocket): Promise<void> {
    client.close()
    await once(client, 'close')
  }

  async function hear(client: WebSocket): Promise<string> {
    const [data] = (await once(client, 'message')) as [Buffer]
    return data.toString()
  }

  async function closeCode(client: WebSocket): Promise<number> {
    const [code] = (await once(client, 'close')) as [number]
    return code
  }

  /** The status of the response to a handshake: 101 where it was accepted. */
  function handshakeStatus(path: string, origin: string = server.url): Promise<number | undefined> {
    const client = new WebSocket(server.webSocketUrl + path, { origin })
    return new Promise((resolve, reject) => {
      client.once('error', reject)
      client.once('upgrade', (response) => resolve(response.statusCode))
      client.once('unexpected-response', (request, response) => {
        request.destroy()
        resolve(response.statusCode)
      })
      client.once('open', () => client.terminate())
    })
  }

  /** The Cookie header of a visitor who has told the HTTP side a name. */
  async function visitor(name: string): Promise<Record<string, string>> {
    const response = await putName({ name })
    expect(response.status).toBe(200)
    return { cookie: response.headers.getSetCookie()[0]!.split(';')[0]! }
  }

  function putName(body: unknown): Promise<Response> {
    return fetch(`${server.url}/api/me`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
  }

  it('sends a message as JSON of message and user to every client in the room, including the sender', async () => {
    const [anna, jun] = [await join('lobby'), await join('lobby')]
    const heard = [hear(anna), hear(jun)]
    anna.send('{"message": "Hello, \\"lobby\\" ☕"}')
    expect(await Promise.all(heard)).toEqual(Array(2).fill('{"message":"Hello, \\"lobby\\" ☕","user":""}'))
  })

  it('sends the name of the session, and an empty name for a guest', async () => {
    const room = [await join('names', await visitor('Anna')), await join('names')] as const
    for (const [sender, user] of [
      [room[0], 'Anna'],
      [room[1], ''],
    ] as const) {
      const heard = room.map(hear)
      sender.send('{"message":"hi"}')
      expect(await Promise.all(heard)).toEqual(Array(2).fill(JSON.stringify({ message: 'hi', user })))
    }
  })

  it('rejects a forged session cookie', async () => {
    const { cookie } = await visitor('Anna')
    const client = await join('forged', { cookie: `${cookie!.slice(0, -1)}${cookie!.endsWith('A') ? 'B' : 'A'}` })
    client.send('{"message":"hi"}')
    expect(await hear(client)).toBe('{"message":"hi","user":""}')
  })

  it('keeps the order of messages of one client', async () => {
    const [sender, listener] = [await join('order'), await join('order')]
    const heard: string[] = []
    const all = new Promise<void>((resolve) => {
      listener.on('message', (data: Buffer) => {
        heard.push((JSON.parse(data.toString()) as { message: string }).message)
        if (heard.length === 50) resolve()
      })
    })
    const said = Array.from({ length: 50 }, (_, i) => `${i}`)
    for (const message of said) sender.send(JSON.stringify({ message }))
    await all
    expect(heard).toEqual(said)
  })

  it('delivers no message to another room', async () => {
    const [here, there] = [await join('here'), await join('there')]
    const inOrder: string[] = []
    there.on('message', (data: Buffer) => inOrder.push(data.toString()))
    here.send('{"message":"one"}')
    await hear(here)
    there.send('{"message":"two"}')
    await hear(there)
    expect(inOrder).toEqual(['{"message":"two","user":""}'])
  })

  it.each([
    ['no JSON', 'hello'],
    ['a JSON value without a message', 'null'],
    ['bytes', Buffer.from([1, 2, 3])],
  ])('closes only the sender of %s with 1011', async (_what, bad) => {
    const [good, rude] = [await join('manners'), await join('manners')]
    const code = closeCode(rude)
    rude.send(bad)
    expect(await code).toBe(1011)
    good.send('{"message":"still here"}')
    expect(await hear(good)).toBe('{"message":"still here","user":""}')
  })

  it('closes only the sender of more than 1 MiB with 1009', async () => {
    const [good, loud] = [await join('size'), await join('size')]
    const code = closeCode(loud)
    loud.send(JSON.stringify({ message: 'x'.repeat(1024 * 1024) }))
    expect(await code).toBe(1009)
    good.send('{"message":"still here"}')
    expect(await hear(good)).toBe('{"message":"still here","user":""}')
  })

  it('answers a path without a room with 404', async () => {
    for (const path of ['/ws/chat/no-room/', '/ws/chat/lobby', '/other/']) {
      expect(await handshakeStatus(path)).toBe(404)
    }
  })

  it('refuses a page of another site with 403', async () => {
    expect(await handshakeStatus('/ws/chat/lobby/', 'https://example.org')).toBe(403)
  })
})

describe('the HTTP side of the chat', () => {
  let server: RunningServer

  beforeAll(async () => {
    server = await serve(application, { port: 0 })
  })

  afterAll(async () => {
    await server.close()
    await closeThreads()
  })

  const get = (path: string): Promise<Response> => fetch(server.url + path)

  async function roomsOpen(query = ''): Promise<unknown> {
    return ((await (await get(`/api/rooms${query}`)).json()) as { rooms: unknown }).rooms
  }

  function putName(body: string, contentType = 'application/json'): Promise<Response> {
    return fetch(`${server.url}/api/me`, { method: 'PUT', headers: { 'content-type': contentType }, body })
  }

  it('serves its pages with a policy that allows only its own scripts', async () => {
    for (const path of ['/', '/rooms/lobby', '/style.css']) {
      const response = await get(path)
      expect(response.status).toBe(200)
      expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'self';/)
      expect(response.headers.get('x-content-type-options')).toBe('nosniff')
      await response.body?.cancel()
    }
    expect(await (await get('/rooms/lobby')).text()).not.toMatch(/<script(?! type="module" src="\/)/)
  })

  it.each([
    ['of the browser', 'ko-KR,ko;q=0.9,en;q=0.8', '', 'ko'],
    ['that the visitor has chosen', 'ko-KR', 'other=1; language=en', 'en'],
    ['that is the default', 'fr', 'language=fr', 'en'],
  ])('serves its pages in the language %s', async (_which, accepted, cookie, language) => {
    for (const path of ['/', '/rooms/lobby', '/rooms/no.room', '/no/such/page']) {
      const response = await fetch(server.url + path, { headers: { 'accept-language': accepted, cookie } })
      expect(response.headers.get('content-language')).toBe(language)
      expect(response.headers.get('vary')).toBe('Accept-Language, Cookie')
      const page = await response.text()
      expect(page).toContain(`<html lang="${language}">`)
      expect(page).not.toContain('[[')
    }
  })

  it('lists a room from its first visitor to its last', async () => {
    const listed = (rooms: object[]) => expect.poll(roomsOpen, { timeout: 30_000 }).toEqual(rooms)
    // The people of earlier tests leave a moment after the end of their connections.
    await listed([])
    const join = async (): Promise<WebSocket> => {
      const client = new WebSocket(`${server.webSocketUrl}/ws/chat/listed/`, { origin: server.url })
      await once(client, 'open')
      return client
    }
    const [first, second] = [await join(), await join()]
    await listed([{ name: 'listed', people: 2, newest: 0 }])
    for (const client of [first, second]) client.close()
    await Promise.all([once(first, 'close'), once(second, 'close')])
    await listed([])
    // Its address stays known to the visitors that have been there.
    expect(await roomsOpen('?recent=listed&recent=unknown')).toEqual([{ name: 'listed', people: 0, newest: 0 }])
  })

  it('normalizes a name', async () => {
    const response = await putName('{"name":"  Anna   Maria "}')
    expect(await response.json()).toEqual({ name: 'Anna Maria' })
    const cookie = response.headers.getSetCookie()[0]!
    expect(cookie).toMatch(/HttpOnly; SameSite=Lax/)
    const me = await fetch(`${server.url}/api/me`, { headers: { cookie: cookie.split(';')[0]! } })
    expect(await me.json()).toEqual({ name: 'Anna Maria' })
  })

  it.each([
    ['that is no text', '{"name":1}'],
    ['that is missing', '{}'],
    ['of 33 characters', JSON.stringify({ name: 'x'.repeat(33) })],
    ['that turns the text around', JSON.stringify({ name: 'a\u202Eb' })],
    ['that is reserved', '{"name":"Guest"}'],
    ['that stands for another guest', '{"name":"guest 12"}'],
    ['that cannot be seen', JSON.stringify({ name: '\uFE0F\u200D' })],
    ['with a soft hyphen', JSON.stringify({ name: 'an\u00ADna' })],
    ['with half a character', '{"name":"anna\\ud800"}'],
  ])('refuses a name %s with the reason', async (_what, body) => {
    const response = await putName(body)
    expect(response.status).toBe(422)
    expect(await response.json()).toEqual({ error: expect.stringMatching(/.+/) })
    expect(response.headers.getSetCookie()).toEqual([])
  })

  it('refuses a name with an invisible character', async () => {
    for (const code of [0x200b, 0xad, 0x2060, 0x3164, 0x115f, 0xffa0, 0x34f, 0x180b, 0x2800, 0xe0061]) {
      const response = await putName(JSON.stringify({ name: `anna${String.fromCodePoint(code)}` }))
      expect([code, response.status]).toEqual([code, 422])
    }
  })

  it.each(['👩🏽‍💻 Ada', 'علی‌رضا', '한국어', 'Zoë ❤️'])('accepts the name %s', async (name) => {
    expect(await (await putName(JSON.stringify({ name }))).json()).toEqual({ name })
  })

  it('accepts no name from a form of another site', async () => {
    expect((await putName('{"name":"Anna"}', 'text/plain')).status).toBe(422)
  })

  it('answers a body that is not JSON, or too large, with the reason', async () => {
    for (const [body, status] of [
      ['{', 400],
      [JSON.stringify({ name: 'x'.repeat(1024) }), 413],
    ] as const) {
      const response = await putName(body)
      expect(response.status).toBe(status)
      expect(await response.json()).toEqual({ error: expect.any(String) })
    }
  })

  it('creates no session for a guest without a name', async () => {
    expect((await get('/api/me')).headers.getSetCookie()).toEqual([])
  })

  it('has a page for unknown paths', async () => {
    const response = await get('/rooms/no.room')
    expect(response.status).toBe(404)
    expect(await response.text()).toContain('A room cannot have this name')
    const other = await get('/no/such/page')
    expect(other.status).toBe(404)
    expect(await other.text()).toContain('There is no such page')
  })

  it('redirects a room with a slash at the end to the room', async () => {
    const response = await fetch(`${server.url}/rooms/lobby/`, { redirect: 'manual' })
    expect([response.status, response.headers.get('location')]).toEqual([301, '/rooms/lobby'])
    const korean = await fetch(`${server.url}/rooms/한국어//`, { redirect: 'manual' })
    expect([korean.status, korean.headers.get('location')]).toEqual([301, '/rooms/%ED%95%9C%EA%B5%AD%EC%96%B4'])
  })

  it.each([
    ['/rooms/lobby', 200],
    ['/rooms/%ED%95%9C%EA%B5%AD%EC%96%B4', 200],
    ['/rooms/caf%C3%A9-2', 200],
    [`/rooms/${'%ED%95%9C'.repeat(40)}`, 200],
    [`/rooms/${'%ED%95%9C'.repeat(41)}`, 404],
    ['/rooms/%ED%95', 400],
    ['/rooms/a%2Fb', 404],
    ['/rooms/a%20b', 404],
    ['/rooms/%E2%80%8B', 404],
  ])('answers %s with %i', async (path, status) => {
    expect((await get(path)).status).toBe(status)
  })
})
