import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { hostname, tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { WebSocket } from 'ws'
import { defineApplication } from '../../../src/application/define-application.ts'
import { setTraits, traitsOf } from '../../../src/asgi/application-traits.ts'
import type { Application } from '../../../src/asgi/application.ts'
import type { WebSocketScope } from '../../../src/asgi/scope.ts'
import { ClusterChannelLayer } from '../../../src/layer/cluster/cluster-channel-layer.ts'
import { InMemoryChannelLayer } from '../../../src/layer/in-memory-channel-layer.ts'
import { LiveConsumer } from '../../../src/live/live-consumer.ts'
import { serve } from '../../../src/server/serve.ts'
import { MAX_TAPS } from '../../../src/server/inspector/group-tap.ts'
import type { ConnectionPage } from '../../../src/server/inspector/inspected-connections.ts'
import type { ProcessList } from '../../../src/server/inspector/inspected-processes.ts'
import { poll, Stream } from '../../live/http-client.ts'
import { echo } from '../applications.ts'
import { RawClient, requestText } from '../raw-client.ts'
import { eventually, recordingLogger } from '../serving.ts'
import { GROUP, startInspectedSite, TOKEN, type InspectedSite } from './site.ts'

const SECRET = 'Planted5ecret'

let site: InspectedSite

beforeAll(async () => {
  site = await startInspectedSite()
})

afterAll(() => site.close())

const withToken = { Authorization: `Bearer ${TOKEN}` }

async function call(
  path: string,
  { headers, ...init }: Omit<RequestInit, 'headers'> & { headers?: Readonly<Record<string, string>> } = {},
): Promise<Response> {
  return fetch(`${site.server.inspectorUrl}/api/${path}`, { ...init, headers: { ...withToken, ...headers } })
}

async function read<T = Readonly<Record<string, unknown>>>(path: string): Promise<T> {
  const response = await call(path)
  expect([path, response.status]).toEqual([path, 200])
  return (await response.json()) as T
}

const connections = (query = ''): Promise<ConnectionPage> => read<ConnectionPage>(`connections?${query}`)

function post(body: string | object, type = 'application/json'): Promise<Response> {
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  return call('disconnect', { method: 'POST', headers: { 'Content-Type': type }, body: text })
}

async function followersOf(group: string): Promise<number> {
  return (await read<{ rows: { followers: number }[] }>(`groups?search=${group}`)).rows[0]!.followers
}

/** Connects clients of these users, which disconnect at the end of the test. */
async function connected(...users: readonly string[]): Promise<Awaited<ReturnType<InspectedSite['connect']>>[]> {
  const clients = await Promise.all(users.map((user) => site.connect(`user=${user}`)))
  onTestFinished(async () => {
    for (const client of clients) client.terminate()
    await eventually(() => site.server.connectionCount).toBe(0)
  })
  return clients
}

describe('the page of the inspector', () => {
  it('is sent without a token and runs only its own script', async () => {
    const response = await fetch(site.server.inspectorUrl!)
    const html = await response.text()
    expect(html).not.toContain(TOKEN)
    const hashes = [...html.matchAll(/<(?:script|style)>([\s\S]*?)<\/(?:script|style)>/g)].map(
      ([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`,
    )
    const policy = response.headers.get('content-security-policy')!
    expect(hashes).toHaveLength(2)
    for (const hash of hashes) expect(policy).toContain(hash)
    expect(policy).toMatch(/^default-src 'none'; /)
    expect(policy).not.toContain('unsafe')
    // These would need another policy.
    expect(html).not.toMatch(/\s(?:on[a-z]+|style|src)=["']|innerHTML|insertAdjacent|eval\(/)
  })

  it('does not exist without a token, and the metrics are there with and without it', async () => {
    const server = await serve(setTraits(echo as Application, { checksOrigin: true }), {
      port: 0,
      metricsPort: 0,
      lifespan: false,
    })
    onTestFinished(() => server.close(1))
    expect(server.inspectorUrl).toBeUndefined()
    for (const path of ['/inspector', '/inspector/api/process']) {
      expect((await fetch(server.metricsUrl + path)).status).toBe(404)
    }
    expect((await fetch(`${site.server.metricsUrl}/metrics`)).status).toBe(200)
    expect((await fetch(`${site.server.url}/inspector`)).status).toBe(404)
  })

  it.each([
    ['a short token', { metricsPort: 0, inspectorToken: 'short' }, 'at least 16 characters'],
    ['a token without a port', { inspectorToken: TOKEN }, 'inspectorToken needs metricsPort'],
  ])('is not served with %s', async (_name, options, message) => {
    await expect(
      serve(setTraits(echo as Application, { checksOrigin: true }), { port: 0, lifespan: false, ...options }),
    ).rejects.toMatchObject({ code: 'ERR_BAD_OPTION', message: expect.stringContaining(message) })
  })
})

describe('a call of the inspector', () => {
  const paths = [
    'process',
    'processes',
    'connections',
    'groups',
    `group?layer=default&group=${GROUP}`,
    'tap',
    'disconnect',
    'none',
  ]

  it.each(paths)('needs the token: %s', async (path) => {
    const method = path === 'disconnect' ? 'POST' : 'GET'
    for (const authorization of [
      '',
      'Bearer',
      'Bearer x',
      `Bearer ${TOKEN}x`,
      `Bearer ${TOKEN.slice(1)}`,
      `Basic ${TOKEN}`,
    ]) {
      const headers = { Authorization: authorization, 'Content-Type': 'application/json' }
      const response = await fetch(`${site.server.inspectorUrl}/api/${path}`, { method, headers })
      expect([authorization, response.status]).toEqual([authorization, 401])
      expect(await response.json()).toEqual({ error: 'The token is missing or wrong.' })
    }
    // The token is not read from a place that logs and histories keep.
    expect((await fetch(`${site.server.inspectorUrl}/api/${path}?token=${TOKEN}`, { method })).status).toBe(401)
  })

  it.each([
    ['connections?limit=0', 400, 'limit must be a whole number from 1 to 100.'],
    ['connections?limit=101', 400, 'limit must be a whole number from 1 to 100.'],
    ['connections?limit=1e1', 400, 'limit must be a whole number from 1 to 100.'],
    ['connections?offset=-1', 400, 'offset must be a whole number from 0 to 1000000.'],
    ['connections?sort=__proto__', 400, 'sort must be one of id, user,'],
    ['connections?order=up', 400, 'order must be asc or desc.'],
    [`connections?search=${'x'.repeat(201)}`, 400, 'search has more than 200 characters.'],
    [`groups?search=${'x'.repeat(201)}`, 400, 'search has more than 200 characters.'],
    ['group', 404, 'does not follow the group'],
    ['group?layer=__proto__&group=x', 404, 'does not follow the group'],
    ['group?layer=default&group=never-followed', 404, 'does not follow the group'],
    ['tap?layer=default&group=a%20b', 404, 'does not follow the group'],
    ['disconnect', 404, 'no such call'],
    ['../api/none', 404, 'no such call'],
  ])('is refused: %s', async (path, status, message) => {
    const response = await call(path)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ error: expect.stringContaining(message) })
    expect(response.headers.get('cache-control')).toBe('no-store')
  })

  it.each([
    ['{', 400, 'must be a JSON object'],
    ['7', 400, 'must be a JSON object'],
    ['{}', 400, 'either the id of a connection or a user'],
    ['{"id":1,"user":"ann"}', 400, 'either the id of a connection or a user'],
    ['{"id":"1"}', 400, 'either the id of a connection or a user'],
    ['{"user":""}', 400, 'either the id of a connection or a user'],
    ['{"id":1,"code":1006}', 400, 'code must be 1000, 1008, 1012, 1013, or from 3000 to 4999.'],
    ['{"id":1,"code":"1008"}', 400, 'code must be'],
    ['{"id":1,"code":3000.5}', 400, 'code must be'],
    [`{"id":1,"reason":"${'é'.repeat(62)}"}`, 400, 'at most 123 bytes'],
    [`{"id":1,"reason":"${'x'.repeat(3000)}"}`, 413, 'more than 2048 bytes'],
  ])('disconnects nothing: %s', async (body, status, message) => {
    const response = await post(body)
    expect(response.status).toBe(status)
    expect(await response.json()).toEqual({ error: expect.stringContaining(message) })
  })

  it('disconnects nothing for a form of another page, and needs the Host of this machine', async () => {
    expect((await post('{"id":1}', 'text/plain')).status).toBe(415)
    const client = await RawClient.connect(Number(new URL(site.server.inspectorUrl!).port))
    client.write(requestText('GET /inspector HTTP/1.1', { Host: 'evil.example', Connection: 'close' }))
    expect((await client.response()).status).toBe(400)
  })

  it('shows no secret of a client', async () => {
    const headers = { Cookie: `sessionid=${SECRET}`, Authorization: `Bearer ${SECRET}` }
    const query = `user=ann&ticket=${SECRET}&wristband=${SECRET}&room=lobby`
    const client = await site.connect(query, { headers, protocol: `token.${SECRET}` })
    await site.publish({ text: 'hello', user: { access_token: SECRET }, wristband: SECRET })
    const all = ['process', 'connections', 'groups', 'processes', `group?layer=default&group=${GROUP}`]
    const texts = await Promise.all(all.map(async (path) => JSON.stringify(await read(path))))
    client.terminate()
    for (const text of texts) expect(text).not.toMatch(new RegExp(`${SECRET}|planted`))
    expect(texts[1]).toContain('/ws/?user=ann&ticket=REDACTED&wristband=REDACTED&room=lobby')
    expect(texts[4]).toContain(
      String.raw`{\"text\":\"hello\",\"user\":{\"access_token\":\"REDACTED\"},\"wristband\":\"REDACTED\"}`,
    )
    await eventually(() => site.server.connectionCount).toBe(0)
  })
})

describe('the inspector', () => {
  it('lists connections with their user, address, age and traffic, in the order and the part that is asked for', async () => {
    const [ann] = await connected('ann', 'bert', 'carla', '')
    const { total, rows } = await connections('sort=user')
    expect(total).toBe(4)
    expect(rows.map(({ user }) => user)).toEqual(['', 'ann', 'bert', 'carla'])
    expect(rows[1]).toEqual({
      id: expect.any(Number),
      transport: 'websocket',
      user: 'ann',
      address: '127.0.0.1',
      path: '/ws/?user=ann',
      consumer: 'RoomConsumer',
      ageMs: expect.any(Number),
      inPerSecond: expect.any(Number),
      outPerSecond: expect.any(Number),
      bufferedBytes: 0,
    })
    const users = async (query: string): Promise<string[]> => (await connections(query)).rows.map(({ user }) => user)
    expect(await users('sort=user&order=desc&offset=1&limit=2')).toEqual(['bert', 'ann'])
    expect(await users('sort=user&search=AR')).toEqual(['carla'])
    expect(await users(`search=%23${rows[2]!.id}`)).toEqual(['bert'])
    expect(await connections('search=roomconsumer&offset=9')).toMatchObject({ total: 4, matching: 4, rows: [] })
    expect(await connections('search=nothing')).toMatchObject({ total: 4, matching: 0, rows: [] })
    ann!.send('x'.repeat(100_000))
    await eventually(() => users('sort=inPerSecond&order=desc&limit=1')).toEqual(['ann'])
  })

  it('disconnects one connection, or all of a user, with a code and a reason', async () => {
    const [first, second, third] = await connected('ann', 'ann', 'bert')
    const { rows } = await connections('search=bert')
    const closed = Promise.all([first!, second!, third!].map((client) => once(client, 'close')))
    const one = await post({ id: rows[0]!.id, code: 4001, reason: 'moderated' })
    const both = await post({ user: 'ann' })
    expect([await one.json(), await both.json()]).toEqual([{ disconnected: 1 }, { disconnected: 2 }])
    const codes = (await closed).map(([code, reason]) => `${code} ${reason}`)
    expect(codes).toEqual(['1008 ', '1008 ', '4001 moderated'])
    expect(await (await post({ id: 999_999 })).json()).toEqual({ disconnected: 0 })
    expect(site.log).toContainEqual({
      level: 'info',
      details: { user: 'ann', code: 1008, disconnected: 2 },
      message: 'The inspector disconnected clients',
    })
  })

  it('shows the process, its event loop and its layers', async () => {
    const now = await read('process')
    expect(now).toMatchObject({ pid: process.pid, node: process.version, cpuMs: expect.any(Number) })
    expect(now).toMatchObject({ stats: { state: 'serving', eventLoopDelay: {}, channelLayers: { default: {} } } })
  })

  it('lists one process of a local layer', async () => {
    const { rows, missing } = await read<ProcessList>('processes')
    expect(missing).toBe(0)
    expect(rows).toEqual([
      {
        id: expect.any(String),
        pid: process.pid,
        host: hostname(),
        uptimeMs: expect.any(Number),
        version: expect.stringMatching(/^\d+\.\d+\.\d+/),
        connections: expect.any(Number),
        eventLoopDelayMs: expect.any(Number),
        isThis: true,
      },
    ])
  })

  it('lists the processes of a layer, with the figures of their servers', async () => {
    const directory = await mkdtemp(join(tmpdir(), 'tideway-inspector-'))
    const websocket = setTraits(echo, { checksOrigin: true })
    const layers = [1, 2, 3].map(() => new ClusterChannelLayer({ directory }))
    const servers = await Promise.all(
      layers.slice(0, 2).map((layer) => {
        const application = defineApplication({ channelLayers: { default: layer }, websocket })
        return serve(application, { port: 0, metricsPort: 0, inspectorToken: TOKEN, logger: recordingLogger([]) })
      }),
    )
    onTestFinished(async () => {
      await Promise.all(servers.map((server) => server.close(1)))
      await Promise.all(layers.map((layer) => layer.close()))
      await rm(directory, { recursive: true, force: true })
    })
    const client = new WebSocket(servers[1]!.webSocketUrl)
    await once(client, 'open')
    // A process without a server follows a group.
    const { cursor } = await layers[2]!.keptGroups.follow('room', { onEntry() {}, onVolatile() {}, onReset() {} })
    onTestFinished(() => cursor.close())
    const list = async (): Promise<ProcessList> =>
      (await fetch(`${servers[0]!.inspectorUrl}/api/processes`, { headers: withToken })).json() as Promise<ProcessList>
    await expect
      .poll(async () => (await list()).rows.map(({ isThis, connections }) => [isThis, connections]), {
        timeout: 20_000,
      })
      .toEqual(
        expect.arrayContaining([
          [true, 0],
          [false, 1],
          [false, null],
        ]),
      )
    expect((await list()).rows).toHaveLength(3)
    client.terminate()
  })

  it('lists and disconnects the streams and polls of clients without a WebSocket', async () => {
    class Quiet extends LiveConsumer {
      override authorize() {
        return true
      }
    }
    const live = Quiet.asApplication() as Application<WebSocketScope>
    const user = { id: 1, username: 'ann', isAuthenticated: true }
    const withUser: Application<WebSocketScope> = (scope, receive, send) =>
      live({ ...scope, user } as WebSocketScope, receive, send)
    const application = defineApplication({
      channelLayers: { default: new InMemoryChannelLayer() },
      websocket: setTraits(withUser, { ...traitsOf(live as Application), checksOrigin: true }),
    })
    const server = await serve(application, {
      port: 0,
      metricsPort: 0,
      inspectorToken: TOKEN,
      logger: recordingLogger([]),
    })
    onTestFinished(() => server.close(1))
    const stream = await Stream.open(`${server.url}/ws/?ticket=${SECRET}`)
    const polled = poll(`${server.url}/ws/`, {}, 60_000)
    const api = `${server.inspectorUrl}/api/`
    const list = async (query = ''): Promise<ConnectionPage> =>
      (await fetch(`${api}connections?${query}`, { headers: withToken })).json() as Promise<ConnectionPage>
    await expect.poll(async () => (await list()).total, { timeout: 20_000 }).toBe(2)
    const { rows } = await list('search=stream')
    expect(rows).toEqual([
      {
        id: expect.any(Number),
        transport: 'stream',
        user: 'ann',
        address: '127.0.0.1',
        path: '/ws/?ticket=REDACTED',
        consumer: 'Quiet',
        ageMs: expect.any(Number),
        inPerSecond: expect.any(Number),
        outPerSecond: expect.any(Number),
        bufferedBytes: 0,
      },
    ])
    expect((await list('search=poll')).rows).toMatchObject([{ transport: 'poll', user: 'ann' }])
    const disconnected = await fetch(`${api}disconnect`, {
      method: 'POST',
      headers: { ...withToken, 'Content-Type': 'application/json' },
      body: JSON.stringify({ user: 'ann', code: 4001, reason: 'moderated' }),
    })
    expect(await disconnected.json()).toEqual({ disconnected: 2 })
    expect((await polled).body).toEqual({ code: 4001, reason: 'moderated' })
    await expect.poll(async () => (await list()).total, { timeout: 20_000 }).toBe(0)
    expect(stream.status).toBe(200)
  })

  it('lists the groups of the process, and shows the events and the people of one', async () => {
    await connected('ann', 'bert')
    await site.publish('hello')
    const row = { layer: 'default', group: GROUP, isState: false, followers: 2, lag: 0, position: expect.any(String) }
    // Presence has a log of its own, which is not a group of the application.
    expect(await read('groups?search=LOB')).toEqual({ total: 1, matching: 1, rows: [row] })
    expect(await read('groups?search=other')).toEqual({ total: 1, matching: 0, rows: [] })
    const shown = await read<{ history: object[]; presence: { count: number; people: { key: string }[] } }>(
      `group?layer=default&group=${GROUP}`,
    )
    expect(shown).toMatchObject({ group: GROUP, followers: 2 })
    expect(shown.history.at(-1)).toEqual({ position: expect.any(String), name: 'said', data: '"hello"' })
    expect(shown.presence.people.map(({ key }) => key)).toEqual(expect.arrayContaining(['ann', 'bert']))
  })

  it('shows the values of a group with values, and streams their changes', async () => {
    const { keptGroups } = site.layer
    const follower = { onEntry() {}, onVolatile() {}, onReset() {} }
    const { cursor } = await keptGroups.follow('prices.eur', follower, { isState: true })
    onTestFinished(() => cursor.close())
    await keptGroups.set('prices.eur', 'KRW', '{"bid":1500,"secret":"planted"}')
    await keptGroups.set('prices.eur', 'USD', '1')
    const shown = await read<{ history: object[] }>('group?layer=default&group=prices.eur')
    expect(shown).toMatchObject({ isState: true, followers: 1 })
    expect(shown.history).toEqual([
      { position: expect.any(String), name: 'KRW', data: '{"bid":1500,"secret":"REDACTED"}' },
      { position: expect.any(String), name: 'USD', data: '1' },
    ])
    const { body } = await call('tap?layer=default&group=prices.eur')
    await keptGroups.set('prices.eur', 'USD', undefined)
    const reader = body!.pipeThrough(new TextDecoderStream()).getReader()
    const { value } = await reader.read()
    expect(JSON.parse(value!)).toEqual({ position: expect.any(String), name: 'USD', data: '(deleted)' })
    await reader.cancel()
    await eventually(() => followersOf('prices.eur')).toBe(1)
  })

  it('streams the events of a group to a bounded number of operators', async () => {
    await connected('ann')
    const path = `tap?layer=default&group=${GROUP}`
    const taps = await Promise.all(Array.from({ length: MAX_TAPS }, () => call(path)))
    expect(taps.map(({ status }) => status)).toEqual(Array.from({ length: MAX_TAPS }, () => 200))
    expect((await call(path)).status).toBe(429)
    await site.publish({ text: 'hello', token: SECRET })
    await site.layer.keptGroups.publishVolatile(GROUP, '{"e":"typing","d":"ann"}')
    await site.layer.keptGroups.publish(GROUP, 'not JSON')
    const reader = taps[0]!.body!.pipeThrough(new TextDecoderStream()).getReader()
    let text = ''
    while (text.split('\n').length < 4) text += (await reader.read()).value
    expect(
      text
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as object),
    ).toEqual([
      { position: expect.any(String), name: 'said', data: '{"text":"hello","token":"REDACTED"}' },
      { name: 'typing', data: '"ann"' },
      { position: expect.any(String), name: '', data: '(not an event)' },
    ])
    await Promise.all([reader.cancel(), ...taps.slice(1).map(({ body }) => body!.cancel())])
    await eventually(() => followersOf(GROUP)).toBe(1)
  })
})
