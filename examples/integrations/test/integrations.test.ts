import { once } from 'node:events'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { WebSocket } from 'ws'
import { sites, type Running } from './sites.ts'

/** The credentials of a page after the login: a cookie, and a token or ticket if the site uses them. */
interface Login {
  readonly cookie: string
  readonly token?: string
  readonly ticket?: string
}

/** A WebSocket of a page of the site, and the messages that it received. */
interface Visitor {
  readonly socket: WebSocket
  readonly heard: unknown[]
}

describe.each(sites)('a site of $name', ({ start }) => {
  let site: Running
  const visitors: Visitor[] = []

  beforeAll(async () => {
    site = await start()
  })
  afterEach(() => {
    for (const { socket } of visitors.splice(0)) socket.terminate()
  })
  afterAll(() => site.stop())

  async function logIn(name: string): Promise<Login> {
    const response = await fetch(`${site.url}/login?name=${name}`, { method: 'POST' })
    expect(response.status).toBe(200)
    const cookie = response.headers.getSetCookie().map((set) => set.split(';')[0])
    return { ...((await response.json()) as object), cookie: cookie.join('; ') }
  }

  async function enter(room: string, { cookie, token, ticket }: Partial<Login> = {}): Promise<Visitor> {
    const url = new URL(`/ws/rooms/${room}/`, site.url.replace('http', 'ws'))
    if (ticket !== undefined) url.searchParams.set('ticket', ticket)
    const socket = new WebSocket(url, token === undefined ? [] : ['bearer', token], {
      origin: site.url,
      headers: cookie === undefined ? {} : { cookie },
    })
    const heard: unknown[] = []
    socket.on('message', (data: Buffer) => heard.push(JSON.parse(data.toString())))
    visitors.push({ socket, heard })
    await once(socket, 'message')
    return { socket, heard }
  }

  function post(room: string, text: string, { cookie = '', token }: Partial<Login> = {}): Promise<Response> {
    const headers = { cookie, ...(token !== undefined && { authorization: `Bearer ${token}` }) }
    return fetch(`${site.url}/rooms/${room}/messages?text=${encodeURIComponent(text)}`, { method: 'POST', headers })
  }

  it('answers HTTP', async () => {
    const response = await fetch(site.url)
    expect(response.headers.get('content-type')).toMatch(/^text\/html/)
    expect(await response.text()).toContain('<title>A room</title>')
    expect((await fetch(`${site.url}/no/such/page`)).status).toBe(404)
  })

  it('uses the user of the HTTP login for the WebSocket, and no other', async () => {
    expect((await enter('lobby', await logIn('ada'))).heard).toEqual([{ youAre: 'ada' }])
    expect((await enter('lobby')).heard).toEqual([{ youAre: '' }])
    expect((await fetch(`${site.url}/login?name=Robert');--`, { method: 'POST' })).status).toBe(400)
  })

  it('broadcasts a message to the room', async () => {
    const ada = await enter('lobby', await logIn('ada'))
    const guest = await enter('lobby')
    const other = await enter('kitchen')
    ada.socket.send(JSON.stringify({ text: 'hello' }))
    guest.socket.send(JSON.stringify({ text: 'who is there?' }))
    await expect.poll(() => guest.heard).toHaveLength(3)
    await expect.poll(() => ada.heard).toHaveLength(3)
    const said = [
      { who: 'ada', text: 'hello' },
      { who: 'guest', text: 'who is there?' },
    ]
    expect(guest.heard).toEqual(expect.arrayContaining(said))
    expect(ada.heard).toEqual(expect.arrayContaining(said))
    expect(other.heard).toEqual([{ youAre: '' }])
  })

  it('broadcasts a message of a framework route if the client has logged in', async () => {
    const { heard } = await enter('lobby')
    expect((await post('lobby', 'let me in')).status).toBe(401)
    expect((await post('lobby', 'hello from HTTP', await logIn('grace'))).status).toBe(202)
    await expect.poll(() => heard).toHaveLength(2)
    expect(heard[1]).toEqual({ who: 'grace', text: 'hello from HTTP' })
  })

  it('rejects pages of other sites and unknown paths', async () => {
    for (const [path, origin, status] of [
      ['/ws/rooms/lobby/', 'https://evil.example', 403],
      ['/ws/nothing/', site.url, 404],
    ] as const) {
      const socket = new WebSocket(site.url.replace('http', 'ws') + path, { origin })
      const [, response] = (await once(socket, 'unexpected-response')) as [unknown, { statusCode: number }]
      expect(response.statusCode).toBe(status)
      socket.once('error', () => {}).terminate()
    }
  })

  it('closes its WebSockets with 1012 when it stops', async () => {
    const another = await start()
    const socket = new WebSocket(`${another.url.replace('http', 'ws')}/ws/rooms/lobby/`, { origin: another.url })
    await once(socket, 'message')
    const closed = once(socket, 'close')
    await another.stop()
    expect((await closed)[0]).toBe(1012)
  })
})

describe('the site of NestJS', () => {
  it('counts the visits of a consumer in a Nest service', async () => {
    const site = await sites.find(({ name }) => name === 'NestJS')!.start()
    const visits = async (): Promise<number> => Number(await (await fetch(`${site.url}/visits`)).text())
    const before = await visits()
    const socket = new WebSocket(`${site.url.replace('http', 'ws')}/ws/rooms/lobby/`, { origin: site.url })
    await once(socket, 'message')
    expect(await visits()).toBe(before + 1)
    await site.stop()
  })
})
