import { createHmac } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import express from 'express'
import { InMemoryChannelLayer, nodeListener, path, protocolTypeRouter, urlRouter } from 'tideway'
import type { Application, HttpScope } from 'tideway/asgi'
import {
  defineGroup,
  publishApi,
  publishApiDefaults,
  volatile,
  type PublishAnswer,
  type PublishApiOptions,
} from 'tideway/live'
import { HttpCommunicator, liveServer } from 'tideway/testing'
import * as v from 'valibot'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { RecordingLogger } from '../../consumer/recording-logger.ts'

const room = defineGroup('room', {
  events: {
    said: z.object({ text: z.string().max(1000) }),
    broken: v.pipe(
      v.string(),
      v.check(() => {
        throw new Error('bug')
      }),
    ),
    typing: volatile(z.object({ user: z.string() })),
  },
})
const prices = defineGroup('prices', { state: z.number(), keep: { maxKeys: 2 } })
const secret = 'a'.repeat(32)
const keys = {
  main: secret,
  rooms: { secret: 'b'.repeat(40), groups: ['room', 'news'] },
  lobby: { secret: 'c'.repeat(40), groups: ['room.lobby'] },
  signed: { secret: 'd'.repeat(40), signedOnly: true },
}
const options: PublishApiOptions = { groups: { room, prices }, keys, plainGroups: ['news'] }

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers: { get(name: string): string | undefined }
}

class Api {
  readonly layer = new InMemoryChannelLayer()
  readonly logger = new RecordingLogger()
  readonly application: Application<HttpScope>

  constructor(more: Partial<PublishApiOptions> = {}) {
    onTestFinished(() => this.layer.close())
    this.application = publishApi(this.layer, { ...options, ...more })
  }

  async request(body: string | Uint8Array, headers: Record<string, string>, method = 'POST'): Promise<Answer> {
    const all = { 'content-type': 'application/json', ...headers }
    const scope = { logger: this.logger }
    const communicator = new HttpCommunicator(this.application, method, '/api/publish', { body, headers: all, scope })
    const response = await communicator.getResponse()
    await communicator.wait()
    const { text } = response
    return { status: response.status, headers: response.headers, body: text === '' ? undefined : JSON.parse(text) }
  }

  post(content: unknown, key: string = secret): Promise<Answer> {
    return this.request(JSON.stringify(content), { authorization: `Bearer ${key}` })
  }

  async said(id = 'lobby'): Promise<string[]> {
    const history = await room(id).history(this.layer)
    return history.map(({ data }) => (data as { readonly text: string }).text)
  }
}

function signature(
  body: string,
  { name = 'signed', key = keys.signed.secret, seconds = Date.now() / 1000 } = {},
): string {
  const t = Math.floor(seconds)
  return `key=${name},t=${t},v1=${createHmac('sha256', key).update(`${t}.${body}`).digest('hex')}`
}

const said = (text: string, more: object = {}): object => ({
  group: 'room.lobby',
  event: 'said',
  data: { text },
  ...more,
})

describe('publishApi()', () => {
  it('publishes an event once per id, and answers with its position', async () => {
    const api = new Api()
    const { status, body } = await api.post(said('hi', { id: 'order-1' }))
    expect({ status, body }).toEqual({
      status: 200,
      body: { position: expect.stringMatching(/:1$/), duplicate: false },
    })
    expect((await api.post(said('hi', { id: 'order-1' }))).body).toEqual({ ...(body as object), duplicate: true })
    expect(await api.said()).toEqual(['hi'])
    expect(await api.post({ group: 'room.lobby', event: 'typing', data: { user: 'ann' } })).toMatchObject({
      status: 200,
      body: { sent: true },
    })
  })

  it('publishes a batch in its order, with a result for each item', async () => {
    const api = new Api()
    const texts = Array.from({ length: 20 }, (_, index) => `${index}`)
    const all = await api.post(texts.map((text) => said(text)))
    expect(all.status).toBe(200)
    expect(await api.said()).toEqual(texts)
    const { status, body } = await api.post([said('one'), said('two', { group: 'room.b', id: 7 }), said('three')])
    expect({ status, body }).toMatchObject({
      status: 207,
      body: { results: [{ duplicate: false }, { error: { status: 400, code: 'bad_item' } }, { duplicate: false }] },
    })
    expect((await api.said()).slice(-2)).toEqual(['one', 'three'])
  })

  it('sets and deletes values of state groups', async () => {
    const api = new Api()
    const change = async (fields: object): Promise<Answer> => api.post({ group: 'prices.eur', key: 'A', ...fields })
    const { body } = await change({ value: 1, ifVersion: null })
    const { version } = body as { readonly version: string }
    expect(body).toEqual({ changed: true, version: expect.stringMatching(/:1$/) })
    expect(await change({ value: 2, ifVersion: null })).toMatchObject({
      status: 409,
      body: { error: { code: 'conflict' } },
    })
    expect(await change({ delete: true, ifVersion: version })).toMatchObject({ status: 200, body: { changed: true } })
    expect((await change({ delete: true })).body).toEqual({ changed: false, version: null })
    const three = ['A', 'B', 'C'].map((key) => ({ group: 'prices.eur', key, value: 1 }))
    expect((await api.post(three)).body).toMatchObject({
      results: [{}, {}, { error: { status: 409, code: 'group_full' } }],
    })
    expect([...(await prices('eur').values(api.layer)).keys()]).toEqual(['A', 'B'])
  })

  it('sends to the plain groups that it permits only', async () => {
    const api = new Api()
    const received: unknown[] = []
    api.layer.attach('specific.a', { deliver: (message) => (received.push(message), 'delivered') })
    await api.layer.groupAdd('news', 'specific.a')
    const message = { type: 'news.item', title: 'New' }
    expect(await api.post({ group: 'news', message })).toMatchObject({ status: 200, body: { sent: true } })
    expect(received).toEqual([message])
    expect(await api.post({ group: 'other', message })).toMatchObject({ status: 404 })
    expect(await api.post({ group: 'news', message: { title: 1 } })).toMatchObject({ status: 400 })
  })

  it.each<[what: string, item: unknown, code: string, status: number]>([
    ['a text', 'text', 'bad_item', 400],
    ['an item without a group', { event: 'said' }, 'bad_item', 400],
    ['an unknown field', said('a', { ID: '1' }), 'bad_item', 400],
    ['an id that is too long', said('a', { id: 'x'.repeat(65) }), 'bad_item', 400],
    ['an id of a volatile event', { group: 'room.a', event: 'typing', data: { user: 'a' }, id: '1' }, 'bad_item', 400],
    ['a deletion with a value', { group: 'prices.a', key: 'a', delete: true, value: 1 }, 'bad_item', 400],
    ['a malformed version', { group: 'prices.a', key: 'a', value: 1, ifVersion: 'x' }, 'bad_item', 400],
    ['data that the schema refuses', said(5 as never), 'bad_event', 400],
    ['a value that the schema refuses', { group: 'prices.a', key: 'a', value: '1' }, 'bad_event', 400],
    ['an unknown event', said('a', { event: 'constructor' }), 'bad_event', 400],
    ['an unknown declaration', said('a', { group: 'other.lobby' }), 'unknown_group', 404],
    ['a group without an id', said('a', { group: 'room.' }), 'unknown_group', 404],
    ['the name of a property of objects', said('a', { group: '__proto__.a' }), 'unknown_group', 404],
    ['an empty batch', [], 'bad_item', 400],
    ['a batch over maxItems', Array.from({ length: 101 }, () => said('a')), 'too_large', 413],
    ['a schema that throws', { group: 'room.a', event: 'broken', data: 'a' }, 'failed', 500],
  ])('refuses %s', async (_what, item, code, status) => {
    const api = new Api()
    expect(await api.post(item)).toMatchObject({ status, body: { error: { status, code } } })
    expect(api.layer.keptGroups.stats().published).toBe(0)
    expect(api.logger.messages('error')).toEqual(code === 'failed' ? ['The publish API has failed.'] : [])
  })

  it('permits a key its declarations, groups and plain groups only', async () => {
    const api = new Api()
    const message = { group: 'news', message: { type: 'a' } }
    const statuses = async (key: string): Promise<number[]> => {
      const items = [said('a'), said('a', { group: 'room.b' }), { group: 'prices.a', key: 'a', value: 1 }, message]
      const answers: number[] = []
      for (const item of items) answers.push((await api.post(item, key)).status)
      return answers
    }
    expect(await statuses(keys.rooms.secret)).toEqual([200, 200, 403, 200])
    expect(await statuses(keys.lobby.secret)).toEqual([200, 403, 403, 403])
  })

  it.each<
    [
      what: string,
      request: { body?: string | Uint8Array; headers?: Record<string, string>; method?: string },
      status: number,
      code: string,
    ]
  >([
    ['no key', { headers: {} }, 401, 'unauthorized'],
    ['another key', { headers: { authorization: `Bearer ${'x'.repeat(32)}` } }, 401, 'unauthorized'],
    ['another scheme', { headers: { authorization: `Basic ${secret}` } }, 401, 'unauthorized'],
    [
      'a Bearer key that must sign',
      { headers: { authorization: `Bearer ${keys.signed.secret}` } },
      401,
      'unauthorized',
    ],
    ['another method', { method: 'PUT' }, 405, 'method_not_allowed'],
    [
      'another type',
      { headers: { authorization: `Bearer ${secret}`, 'content-type': 'text/plain' } },
      415,
      'unsupported_media_type',
    ],
    [
      'a compressed body',
      { headers: { authorization: `Bearer ${secret}`, 'content-encoding': 'gzip' } },
      415,
      'unsupported_media_type',
    ],
    ['a body that is not JSON', { body: '{' }, 400, 'bad_json'],
    ['a body that is not UTF-8', { body: Uint8Array.of(0x22, 0xff, 0x22) }, 400, 'bad_json'],
    ['a large body', { body: ' '.repeat(2000) }, 413, 'too_large'],
    [
      'a body that says it is large',
      { headers: { authorization: `Bearer ${secret}`, 'content-length': '2000' } },
      413,
      'too_large',
    ],
  ])(
    'refuses a request with %s',
    async (_what, { body = '{}', headers = { authorization: `Bearer ${secret}` }, method }, status, code) => {
      const api = new Api({ maxBodyBytes: 1999 })
      const answer = await api.request(body, headers, method)
      expect(answer).toMatchObject({ status, body: { error: { code } } })
      expect(answer.headers.get('www-authenticate')).toBe(status === 401 ? 'Bearer' : undefined)
      expect(answer.headers.get('allow')).toBe(status === 405 ? 'GET, HEAD, POST' : undefined)
    },
  )

  it('accepts signed requests, and publishes nothing for a repeated one', async () => {
    const api = new Api()
    const body = JSON.stringify([said('signed'), said('x'.repeat(1001))])
    const headers = { 'tideway-signature': signature(body) }
    const first = await api.request(body, headers)
    expect(first).toMatchObject({
      status: 207,
      body: { results: [{ duplicate: false }, { error: { code: 'bad_event' } }] },
    })
    expect(await api.request(body, headers)).toMatchObject({ status: 207, body: first.body })
    expect(await api.said()).toEqual(['signed'])
    const bearer = { 'tideway-signature': signature(body, { name: 'main', key: secret }) }
    expect((await api.request(body, bearer)).status).toBe(207)
    expect(await api.said()).toEqual(['signed', 'signed'])
  })

  it('answers a signed request that runs with 409, and runs one that has published nothing again', async () => {
    let calls = 0
    let fail: (() => void) | undefined
    const check = v.checkAsync<string>(async () => {
      if (++calls > 1) return true
      await new Promise<void>((resolve) => (fail = resolve))
      throw new Error('The database of the check is down.')
    })
    const checked = v.pipeAsync(v.string(), check)
    const jobs = defineGroup('jobs', { events: { done: checked } })
    const api = new Api({ groups: { jobs } })
    const body = JSON.stringify({ group: 'jobs.a', event: 'done', data: 'a' })
    const headers = { 'tideway-signature': signature(body) }
    const first = api.request(body, headers)
    await expect.poll(() => calls).toBe(1)
    const second = await api.request(body, headers)
    expect(second).toMatchObject({ status: 409, body: { error: { code: 'in_progress' } } })
    expect(second.headers.get('retry-after')).toBe('1')
    fail?.()
    expect(await first).toMatchObject({ status: 500 })
    // The claim of the first one expires in a millisecond.
    await expect.poll(async () => (await api.request(body, headers)).status).toBe(200)
    expect(await jobs('a').history(api.layer)).toHaveLength(1)
  })

  it('answers with 503 and Retry-After while the layer cannot be used', async () => {
    const api = new Api()
    await api.layer.close()
    const answer = await api.post(said('a'))
    expect(answer).toMatchObject({ status: 503, body: { error: { code: 'unavailable' } } })
    expect(answer.headers.get('retry-after')).toBe('1')
    const signed = { 'tideway-signature': signature('{}') }
    expect(await api.request('{}', signed)).toMatchObject({ status: 503 })
  })

  it.each<[what: string, header: (body: string) => string]>([
    ['of another body', () => signature('{}')],
    ['of another key', (body) => signature(body, { key: secret })],
    ['of an unknown key', (body) => signature(body, { name: 'other' })],
    ['that is too old', (body) => signature(body, { seconds: Date.now() / 1000 - 122 })],
    ['of the future', (body) => signature(body, { seconds: Date.now() / 1000 + 123 })],
    ['of another time', (body) => signature(body).replace(/t=\d+/, `t=${Math.floor(Date.now() / 1000) - 1}`)],
    ['that is malformed', (body) => `${signature(body)}0`],
  ])('refuses a signature %s', async (_what, header) => {
    const api = new Api()
    const body = JSON.stringify(said('a'))
    const answer = await api.request(body, { 'tideway-signature': header(body), authorization: `Bearer ${secret}` })
    expect(answer).toMatchObject({ status: 401, body: { error: { code: 'unauthorized' } } })
  })

  it('limits the items of each key', async () => {
    const api = new Api({ itemsPerSecond: 0.001, itemBurst: 2, maxItems: 2 })
    expect((await api.post([said('a'), said('b')])).status).toBe(200)
    const limited = await api.post([said('c')])
    expect(limited).toMatchObject({ status: 429, body: { error: { code: 'rate_limited' } } })
    expect(Number(limited.headers.get('retry-after'))).toBeGreaterThan(900)
    expect((await api.post([said('c')], keys.rooms.secret)).status).toBe(200)
  })

  it('calls onAnswer with the key and the numbers of items, and logs its error', async () => {
    const answers: PublishAnswer[] = []
    const api = new Api({
      onAnswer: (answer) => {
        answers.push(answer)
        throw new Error('metrics')
      },
    })
    await api.post([said('a'), {}])
    await api.post(said('a'), 'x')
    expect(answers).toEqual([
      { key: 'main', status: 207, items: 2, refused: 1 },
      { key: undefined, status: 401, items: 1, refused: 1 },
    ])
    expect(api.logger.messages('error')).toHaveLength(2)
  })

  it('serves beside a Node listener, in a router by path', async () => {
    const api = new Api()
    const site = express().get('/', (_request, response) => void response.send('the site'))
    const routes = urlRouter([path('api/publish', api.application), path('', nodeListener(site))])
    await using server = await liveServer(protocolTypeRouter({ http: routes }))
    const url = server.url
    expect(await (await fetch(url)).text()).toBe('the site')
    const headers = { authorization: `Bearer ${secret}`, 'content-type': 'application/json; charset=utf-8' }
    const published = await fetch(`${url}/api/publish`, { method: 'POST', headers, body: JSON.stringify(said('é')) })
    expect(await published.json()).toMatchObject({ duplicate: false })
    const refused = await fetch(`${url}/api/publish`, { method: 'POST', body: ' '.repeat(100_000) })
    expect(refused.status).toBe(401)
    expect(await api.said()).toEqual(['é'])
  })
})

describe('the options of publishApi()', () => {
  const { maxItems, ...limits } = publishApiDefaults
  it.each<[what: string, wrong: Partial<PublishApiOptions>]>([
    ['no key', { keys: {} }],
    ['a short secret', { keys: { main: 'a'.repeat(31) } }],
    ['a secret with a space', { keys: { main: `${secret} ` } }],
    ['a name with a comma', { keys: { 'a,b': secret } }],
    ['a declaration under another name', { groups: { chat: room } }],
    ['a burst below a batch', { itemBurst: maxItems - 1 }],
    ['a window over that of the stored answers', { signatureWindowMs: 150_001 }],
    ...Object.keys(limits).map((name): [string, object] => [`0 as ${name}`, { [name]: 0 }]),
    ['0 as maxItems', { maxItems: 0 }],
  ])('refuse %s', (_what, wrong) => {
    expect(() => new Api(wrong)).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })

  it('accept the bounds', () => {
    const bounds = { maxItems: 1, itemBurst: 1, itemsPerSecond: 0.001, signatureWindowMs: 150_000, maxBodyBytes: 1 }
    expect(() => new Api(bounds)).not.toThrow()
  })
})

describe('the OpenAPI document of publishApi()', () => {
  const text = readFileSync(new URL('../fixture/openapi-3.1.json', import.meta.url), 'utf8')
  // Ajv resolves the dynamic reference to the document instead of its schemas, which are checked below.
  const official = JSON.parse(text.replaceAll('"$dynamicRef": "#meta"', '"$ref": "#/$defs/schema"')) as object
  const ajv = new Ajv2020({ strict: false, allErrors: true })
  formats.default(ajv)
  const isDocument = ajv.compile(official)

  async function documentOf(api: Api): Promise<Record<string, unknown>> {
    const { status, body } = await api.request('', { authorization: `Bearer ${secret}` }, 'GET')
    expect(status).toBe(200)
    return body as Record<string, unknown>
  }

  it('is accepted by the official schema of OpenAPI 3.1', async () => {
    const document = await documentOf(new Api())
    isDocument(document)
    expect(isDocument.errors).toBeNull()
    expect(Object.keys(document['paths'] as object)).toEqual(['/api/publish'])
    const { schemas } = document['components'] as { readonly schemas: Readonly<Record<string, object>> }
    for (const schema of Object.values(schemas)) expect(ajv.validateSchema(schema)).toBe(true)
    expect(isDocument({ ...document, paths: { 'api/publish': {} } })).toBe(false)
  })

  it('is not for clients without a key', async () => {
    expect((await new Api().request('', {}, 'GET')).status).toBe(401)
    const head = await new Api().request('', { authorization: `Bearer ${secret}` }, 'HEAD')
    expect(head).toMatchObject({ status: 200, body: undefined })
  })

  it('describes the items that the API accepts, and its answers', async () => {
    const api = new Api()
    const { components } = await documentOf(api)
    const compile = (name: string) =>
      new Ajv2020({ strict: false }).compile({ $ref: `#/components/schemas/${name}`, components })
    const isItem = compile('Item')
    const isResults = compile('Results')
    const good = [
      said('a', { id: '1' }),
      { group: 'room.a', event: 'typing', data: { user: 'a' } },
      { group: 'prices.a', key: 'a', value: 1, ttlMs: 1000, ifVersion: null },
      { group: 'prices.a', key: 'a', delete: true },
      { group: 'news', message: { type: 'a' } },
    ]
    const bad = [
      said(5 as never),
      said('a', { more: 1 }),
      { group: 'prices.a', key: 'a', value: '1' },
      { group: 'room.a' },
    ]
    const { body } = await api.post([...good, ...bad])
    expect(isResults(body)).toBe(true)
    const { results } = body as { readonly results: readonly object[] }
    expect(results.map((result) => !('error' in result))).toEqual([...good.map(() => true), ...bad.map(() => false)])
    expect([...good, ...bad].map((item) => isItem(item))).toEqual(results.map((result) => !('error' in result)))
  })
})
