import { createServer } from 'node:http'
import type { ClientHttp2Stream } from 'node:http2'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { defineApplication, InMemoryChannelLayer } from 'tideway'
import { tokenMiddleware, InvalidTokenError } from 'tideway/auth'
import { defineGroup, LiveConsumer, request, type LiveGroup } from 'tideway/live'
import { path, urlRouter } from 'tideway/routing'
import { originValidator } from 'tideway/security'
import { attach, nodeListener } from 'tideway/server'
import { liveServer, type LiveServer } from 'tideway/testing'
import { beforeAll, describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { describeWith } from '../../../../test/setup/describe-with.ts'
import { patiently } from '../../../../test/setup/patiently.ts'
import { connectionClosedError } from '../../src/errors/connection-closed.ts'
import { HttpResponse } from '../../src/live/http/http-response.ts'
import { RecordingLogger } from '../consumer/recording-logger.ts'
import { answerOf, openHttp2 } from '../server/http2/http2-client.ts'
import { suiteCertificates } from '../server/tls/certificates.ts'
import { call, poll, Stream, type CallHeaders } from './http-client.ts'
import type { Frame } from './live-client.ts'
import { Chat, room } from './room.ts'

const here = defineGroup('here', { events: {}, presence: z.object({ name: z.string() }) })

/** Counts its calls of authorize(), and has people. */
class Busy extends LiveConsumer<{ readonly name: string }> {
  static override groups = { room, here }
  static override http = { commentIntervalMs: 20, presenceLeaseMs: 60_000 }
  static asked: string[] = []
  static joins: string[] = []

  override authorize({ id }: LiveGroup): boolean {
    Busy.asked.push(id)
    return id !== 'private'
  }

  override present({ family }: LiveGroup) {
    return family === 'here' ? { key: 'ann', name: 'Ann' } : undefined
  }

  override onJoin({ id }: LiveGroup): void {
    Busy.joins.push(`joined ${id}`)
  }

  override onLeave({ id }: LiveGroup): void {
    Busy.joins.push(`left ${id}`)
  }

  say = request(z.object({ room: z.string(), text: z.string() }), ({ room: id, text }) =>
    this.publish(room(id), 'said', { text }),
  )
  who = request(z.undefined(), () => [this.scope.user.username, this.scope.urlRoute.kwargs.name])
  leave2 = request(z.undefined(), () => this.close(4401, 'log in'))
}

/** Has small bounds. */
class Small extends Chat {
  static override http = { maxBodyBytes: 200, maxFramesPerBody: 2, callsPerSecond: 0.001, callBurst: 3 }
}

class WithoutHttp extends Chat {
  static override http = false as const
}

const layer = new InMemoryChannelLayer()
const app = express().use(express.json())
app.use((incoming, response) => void response.json({ method: incoming.method, body: incoming.body as unknown }))

const users = { findById: (id: string | number) => ({ id, username: String(id), isAuthenticated: true }) }
const verify = async (text: string) => {
  if (text === 'bad') throw new InvalidTokenError()
  return { subject: text, expiresAt: undefined, claims: {} }
}
const websocket = originValidator(
  tokenMiddleware(
    urlRouter([
      path('ws/chat/:name/', Busy.asApplication()),
      path('ws/small/', Small.asApplication()),
      path('ws/none/', WithoutHttp.asApplication()),
    ]),
    { users, verify },
  ),
  ['https://app.example', 'http://127.0.0.1'],
)
const application = defineApplication({ websocket, http: nodeListener(app), channelLayers: { default: layer } })
const own = { origin: 'http://127.0.0.1' }

let server: LiveServer
let url: string

beforeAll(async () => {
  server = await liveServer(application, { logger: new RecordingLogger() })
  url = `${server.url}/ws/chat/lobby/`
  return async () => {
    await server.close()
    await layer.close()
  }
})

function asUser(name: string): CallHeaders {
  return { ...own, authorization: `Bearer ${name}` }
}

function requestFrame(m: string, d?: unknown, id = 'r-1'): Frame {
  return { t: 'request', id, m, d }
}

describe('a stream over HTTP', () => {
  it('has the frames of a WebSocket, begins with a comment of 2 KiB, and has a comment at each interval', async () => {
    const stream = await Stream.open(url, { 'room.frames': {} }, asUser('ann'))
    expect(stream.status).toBe(200)
    expect(stream.headers).toMatchObject({
      'content-type': 'text/event-stream',
      'cache-control': 'no-store, no-transform',
      'x-accel-buffering': 'no',
    })
    expect(await stream.take(2)).toMatchObject([{ t: 'hi' }, { t: 'joined', g: 'room.frames' }])
    expect(stream.comments).toBeGreaterThanOrEqual(1)
    expect(stream.received).toBeGreaterThan(2048)
    await stream.untilComments(3)
    await room('frames').publish(layer, 'said', { text: 'hello' })
    expect(await stream.next()).toMatchObject({ g: 'room.frames', e: 'said', d: { text: 'hello' } })
  })

  it('has the frame of JSON with line breaks, which another program has appended', async () => {
    const stream = await Stream.open(url, { 'room.lines': {} }, own)
    await stream.take(2)
    await layer.keptGroups.publish(room('lines').name, '{"e":"said",\r\n "d":\n{"text":"a\\nb"}}')
    expect(await stream.next()).toMatchObject({ e: 'said', d: { text: 'a\nb' } })
  })

  it('leaves its groups when its client disconnects', async () => {
    const stream = await Stream.open(url, { 'room.leaving': {} }, own)
    await stream.take(2)
    stream.end()
    await patiently(() => expect(Busy.joins.filter((join) => join.endsWith(' leaving'))).toHaveLength(2))
    expect(Busy.joins.filter((join) => join.endsWith(' leaving'))).toEqual(['joined leaving', 'left leaving'])
  })

  it('answers a join that is refused, as a WebSocket does', async () => {
    const stream = await Stream.open(url, { 'room.private': {}, 'room.b': { since: 'no' }, 'other.b': {} }, own)
    const frames = (await stream.take(4)) as Frame[]
    expect(new Map(frames.map(({ g, code }) => [g, code]))).toEqual(
      new Map([
        [undefined, undefined],
        ['room.private', 'forbidden'],
        ['room.b', 'bad_position'],
        ['other.b', 'unknown_group'],
      ]),
    )
  })

  it('does not recover a position of another group', async () => {
    await room('first').publish(layer, 'said', { text: '1' })
    const { position } = await room('second').publish(layer, 'said', { text: '1' })
    const stream = await Stream.open(url, { 'room.first': { since: position, last: 1 } }, own)
    expect(await stream.take(3)).toMatchObject([
      { t: 'hi' },
      { t: 'joined', recovered: false, why: 'epoch' },
      { e: 'said' },
    ])
  })

  it('skips events that its client is too slow for, instead of keeping them', async () => {
    const stream = await Stream.open(url, { 'room.slow': {} }, own)
    await stream.take(2)
    const text = 'x'.repeat(60_000)
    for (let n = 0; n < 400; n++) await room('slow').publish(layer, 'said', { text })
    const received: Frame[] = []
    while (received.at(-1)?.['t'] !== 'reset') received.push((await stream.next())!)
    expect(received.at(-1)).toMatchObject({ t: 'reset', why: 'trimmed' })
    expect(received.length).toBeLessThan(400)
    await room('slow').publish(layer, 'said', { text: 'after it' })
    expect(await stream.next()).toMatchObject({ e: 'said', d: { text: 'after it' } })
  })

  it('tells its client to move when the server drains, refuses new ones, and ends with 1012', async () => {
    const draining = await liveServer(application, { logger: new RecordingLogger(), drainWindowMs: 200 })
    const [stream, waiting] = [
      await Stream.open(`${draining.url}/ws/chat/lobby/`, {}, own),
      poll(`${draining.url}/ws/chat/lobby/`, { 'room.drained': {} }, 60_000, own),
    ]
    await stream.next()
    const { at } = ((await waiting).body as { readonly at: string }[])[1]!
    const polling = poll(`${draining.url}/ws/chat/lobby/`, { 'room.drained': { since: at } }, 60_000, own)
    await patiently(() => expect(layer.keptGroups.stats().followers).toBeGreaterThan(0))
    const closing = draining.close()
    expect(await stream.next()).toMatchObject({ t: 'move' })
    expect(await stream.next()).toMatchObject({ close: 1012 })
    expect(await stream.next()).toBeUndefined()
    expect((await polling).status).toBe(204)
    await closing
  })
})

describeWith(['openssl'], 'a stream over HTTP/2', () => {
  const certificates = suiteCertificates()

  it('has the same frames, and counts as a connection of its address', async () => {
    const secure = await liveServer(application, {
      logger: new RecordingLogger(),
      tlsKey: certificates.pair.keyFile,
      tlsCert: certificates.pair.certFile,
      maxConnectionsPerAddress: 2,
    })
    onTestFinished(() => secure.close())
    const session = await openHttp2(secure.url, { ca: certificates.pair.cert })
    const open = (): ClientHttp2Stream => {
      const headers = { ...own, 'content-type': 'application/json', accept: 'text/event-stream' }
      const stream = session.request({ ':path': '/ws/chat/lobby/', ':method': 'POST', ...headers })
      stream.end(JSON.stringify({ t: 'hello', v: 1, groups: { 'room.h2': {} } }))
      return stream.setEncoding('utf8')
    }
    const stream = open()
    let text = ''
    stream.on('data', (data: string) => (text += data))
    await patiently(() => expect(text).toContain('"t":"joined"'))
    await room('h2').publish(layer, 'said', { text: 'hello' })
    await patiently(() =>
      expect(text).toMatch(/\ndata: \{"g":"room\.h2","at":"[^"]+","e":"said","d":\{"text":"hello"\}\}\n\n/),
    )
    expect((await answerOf(open())).status).toBe(429)
    stream.close()
  })
})

describe('a poll over HTTP', () => {
  it('is answered with a first join, and then with 204 after the wait or with an event', async () => {
    const { status, body } = await poll(url, { 'room.poll': {} }, 60_000, own)
    expect([status, body]).toMatchObject([200, [{ t: 'hi' }, { t: 'joined', recovered: false }]])
    const { at } = (body as { readonly at: string }[])[1]!
    expect(await poll(url, { 'room.poll': { since: at } }, 1, own)).toMatchObject({ status: 204 })
    const answer = poll(url, { 'room.poll': { since: at } }, 60_000, own)
    await room('poll').publish(layer, 'said', { text: 'hello' })
    expect((await answer).body).toMatchObject([{ t: 'hi' }, { t: 'joined' }, { e: 'said', d: { text: 'hello' } }])
  })

  it('is answered with the events that were missed, and with refused joins', async () => {
    const { position } = await room('missed').publish(layer, 'said', { text: '1' })
    await room('missed').publish(layer, 'said', { text: '2' })
    const groups = { 'room.missed': { since: position }, 'room.private': {} }
    const { body } = await poll(url, groups, 60_000, own)
    expect(body).toMatchObject([{ t: 'hi' }, ...(body as Frame[]).slice(1, 3), { e: 'said', d: { text: '2' } }])
    expect((body as Frame[]).map(({ t }) => t)).toEqual(expect.arrayContaining(['joined', 'left']))
  })

  it('keeps a person present from one poll to the next', async () => {
    const people = async (): Promise<unknown> => {
      const { status, body } = await poll(url, { 'here.a': {} }, 0, own)
      return [status, (body as Frame[])[1]?.['who']]
    }
    await patiently(async () => expect(await people()).toEqual([200, { count: 1, list: { ann: { name: 'Ann' } } }]))
    const left: string[] = []
    onTestFinished(here.onLeft(layer, ({ key }) => left.push(key)))
    await people()
    await Promise.all([people(), people()])
    expect(await here('a').count(layer)).toBe(1)
    expect(left).toEqual([])
  })
})

describe('the answer over HTTP', () => {
  it('is dropped without an error if its client has disconnected', () => {
    const response = new HttpResponse(() => {
      throw connectionClosedError()
    }, [])
    expect(() => response.answer(204, [])).not.toThrow()
  })
})

describe('a body of requests over HTTP', () => {
  it('is answered with the answers in their order, for the user and the arguments of the URL', async () => {
    const frames = [requestFrame('who', undefined, 'a'), requestFrame('missing', undefined, 'b')]
    expect((await call(url, frames, asUser('ann'))).body).toMatchObject([
      { t: 'answer', id: 'a', ok: ['ann', 'lobby'] },
      { t: 'answer', id: 'b', error: { code: 'unknown_request' } },
    ])
    expect((await call(url, frames[0], asUser('bo'))).body).toMatchObject([{ ok: ['bo', 'lobby'] }])
    expect(await call(url, [], asUser('bo'))).toMatchObject({ status: 200, body: [] })
  })

  it('publishes into a group that authorize() allows, asks it once, and handles an id once', async () => {
    const stream = await Stream.open(url, { 'room.said': {} }, own)
    await stream.take(2)
    Busy.asked = []
    const frames = ['1', '2'].map((text) => requestFrame('say', { room: 'said', text }, `say-${text}`))
    const { body } = await call(url, frames, asUser('ann'))
    expect(body).toMatchObject([
      { id: 'say-1', ok: { duplicate: false } },
      { id: 'say-2', ok: { duplicate: false } },
    ])
    expect(Busy.asked).toEqual(['said'])
    expect(await stream.take(2)).toMatchObject([{ id: 'say-1:1' }, { id: 'say-2:1' }])
    expect((await call(url, frames, asUser('ann'))).body).toEqual(body)
    const forbidden = requestFrame('say', { room: 'private', text: 'x' }, 'say-3')
    expect((await call(url, forbidden, own)).body).toMatchObject([{ error: { code: 'forbidden' } }])
  })

  it('has the status of the close code if the application closes the connection', async () => {
    expect(await call(url, requestFrame('leave2'), own)).toMatchObject({
      status: 401,
      body: { code: 4401, reason: 'log in' },
    })
  })
})

describe('the checks of a call over HTTP', () => {
  it('refuse another content type, other bodies, and bodies over a bound', async () => {
    const small = `${server.url}/ws/small/`
    const statuses = async (...calls: readonly (readonly [body: unknown, headers?: CallHeaders])[]) =>
      Promise.all(calls.map(async ([body, headers]) => (await call(url, body, { ...own, ...headers })).status))
    const hello = { t: 'hello', v: 1 }
    const stream = { accept: 'text/event-stream' }
    expect(
      await statuses([hello, { 'content-type': 'text/plain' }], [hello, { 'content-type': 'application/jsonp' }]),
    ).toEqual([415, 415])
    expect(
      await statuses(
        ['{'],
        ['null'],
        ['7'],
        ['[7]'],
        ['[{"t":"hello","v":1}]'],
        [{ t: 'join', g: 'room.a' }],
        [{ ...hello, wait: -1 }],
      ),
    ).toEqual([400, 400, 400, 400, 400, 400, 400])
    expect(
      await statuses([{ t: 'hello' }, stream], [requestFrame('who'), stream], [{ t: 'request' }], ['\ud800']),
    ).toEqual([400, 400, 400, 400])
    expect(await call(small, ['x'.repeat(200)], own)).toMatchObject({ status: 413 })
    expect(
      await call(
        small,
        [1, 2, 3].map(() => ({ t: 'request', m: 'a' })),
        own,
      ),
    ).toMatchObject({ status: 413 })
  })

  it('limit the calls of a user, and of an address without a user', async () => {
    const small = `${server.url}/ws/small/`
    const statusesOf = async (headers: CallHeaders): Promise<number[]> => {
      const statuses: number[] = []
      for (let i = 0; i < 4; i++) statuses.push((await poll(small, {}, 0, headers)).status)
      return statuses
    }
    expect(await statusesOf(own)).toEqual([204, 204, 204, 429])
    expect(await statusesOf(asUser('ann'))).toEqual([204, 204, 204, 429])
    expect((await poll(small, {}, 0, own)).headers.get('retry-after')).toBe('1')
  })

  it('refuse a token that is not valid with 401, and a path without a route with 404', async () => {
    expect(await poll(url, {}, 0, asUser('bad'))).toMatchObject({ status: 401 })
    expect(await call(`${server.url}/ws/chat/`, {}, own)).toMatchObject({ status: 200, body: { method: 'POST' } })
  })

  it('allow a page of an allowed origin by CORS with credentials, and refuse others as their handshakes', async () => {
    const preflight = (origin: string): Promise<Response> =>
      fetch(url, { method: 'OPTIONS', headers: { origin, 'access-control-request-method': 'POST' } })
    const allowed = await preflight('https://app.example')
    expect([allowed.status, Object.fromEntries(allowed.headers)]).toMatchObject([
      204,
      {
        'access-control-allow-origin': 'https://app.example',
        'access-control-allow-credentials': 'true',
        'access-control-allow-headers': 'Authorization, Content-Type',
        vary: 'Origin',
      },
    ])
    const { headers } = await poll(url, {}, 0, { origin: 'https://app.example' })
    expect(headers.get('access-control-allow-origin')).toBe('https://app.example')
    const refused = await preflight('https://evil.example')
    const called = await poll(url, {}, 0, { origin: 'https://evil.example' })
    expect([refused.status, called.status, (await poll(url, {}, 0)).status]).toEqual([403, 403, 403])
    for (const answer of [refused, called]) {
      expect([...answer.headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
    }
  })
})

describe('the HTTP application beside a live consumer', () => {
  it('gets other paths, other methods, and the path of a consumer without HTTP', async () => {
    expect(await call(`${server.url}/elsewhere`, { a: 1 })).toMatchObject({ body: { method: 'POST', body: { a: 1 } } })
    expect(await (await fetch(url)).json()).toMatchObject({ method: 'GET' })
    expect(await (await fetch(url, { method: 'OPTIONS' })).json()).toMatchObject({ method: 'OPTIONS' })
    expect(await call(`${server.url}/ws/none/`, { a: 1 })).toMatchObject({ body: { method: 'POST' } })
  })

  it('keeps its requests on a server that it has before attach()', async () => {
    const node = createServer(app)
    const attachment = attach(node, application, { logger: new RecordingLogger() })
    await new Promise<void>((resolve) => void node.listen(0, '127.0.0.1', resolve))
    onTestFinished(async () => {
      await attachment.close()
      node.closeAllConnections()
      node.close()
    })
    const base = `http://127.0.0.1:${(node.address() as AddressInfo).port}`
    expect(await call(`${base}/elsewhere`, { a: 1 })).toMatchObject({ body: { body: { a: 1 } } })
    expect((await call(`${base}/ws/chat/b/`, requestFrame('who'), asUser('ann'))).body).toMatchObject([
      { ok: ['ann', 'b'] },
    ])
  })
})
