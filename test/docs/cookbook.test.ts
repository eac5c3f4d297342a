import { defineApplication, originValidator, type DefinedApplication } from 'tideway'
import { liveServer, type LiveServer } from 'tideway/testing'
import { afterEach, expect, it, vi } from 'vitest'
import { WebSocket } from 'ws'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import * as acknowledgements from '../../examples/cookbook/acknowledgements/client.ts'
import * as backPressure from '../../examples/cookbook/back-pressure/client.ts'
import * as fileUpload from '../../examples/cookbook/file-upload/client.ts'
import * as gracefulShutdown from '../../examples/cookbook/graceful-shutdown/client.ts'
import * as horizontalScaling from '../../examples/cookbook/horizontal-scaling/client.ts'
import * as liveCursors from '../../examples/cookbook/live-cursors/client.ts'
import * as llmStreaming from '../../examples/cookbook/llm-streaming/client.ts'
import * as multiTenant from '../../examples/cookbook/multi-tenant/client.ts'
import * as notifications from '../../examples/cookbook/notifications/client.ts'
import * as presence from '../../examples/cookbook/presence/client.ts'
import * as privateMessages from '../../examples/cookbook/private-messages/client.ts'
import * as rateLimiting from '../../examples/cookbook/rate-limiting/client.ts'
import * as resume from '../../examples/cookbook/resume/client.ts'
import * as typingIndicator from '../../examples/cookbook/typing-indicator/client.ts'
import { describeWith } from '../setup/describe-with.ts'
import { root } from './markdown.ts'

// The programs of docs/cookbook, with real clients, as pages of the same server would open them.

vi.stubGlobal(
  'WebSocket',
  class extends WebSocket {
    constructor(url: string, protocols?: string[]) {
      super(url, protocols, { origin: new URL(url).origin.replace('ws:', 'http:') })
    }
  },
)

const ends: (() => unknown)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).toReversed()) await end()
})

async function serve(recipe: { readonly default: DefinedApplication }): Promise<LiveServer> {
  const server = await liveServer(recipe.default)
  ends.push(() => server.close())
  return server
}

type Start<Client> = (url: string, show: (line: string) => void, user: string) => Client

/** A page of the recipe, with the lines that it shows. */
function open<Client extends { close(): void }>(
  server: LiveServer,
  start: Start<Client>,
  user = 'ann',
): { readonly client: Client; readonly lines: readonly string[] } {
  const lines: string[] = []
  const client = start(`${server.webSocketUrl}/ws/`, (line) => lines.push(line), user)
  ends.push(() => client.close())
  return { client, lines }
}

it('presence: shows the people of a room, each once', async () => {
  const server = await serve(await import('../../examples/cookbook/presence/application.ts'))
  const { lines } = open(server, presence.start)
  open(server, presence.start)
  open(server, presence.start, 'ben')
  await expect.poll(() => lines.at(-1)).toBe('2 here: ann, ben')
})

it('typing indicator: shows who types until the message comes', async () => {
  const server = await serve(await import('../../examples/cookbook/typing-indicator/application.ts'))
  const ann = open(server, typingIndicator.start)
  const ben = open(server, typingIndicator.start, 'ben')
  await ben.client.say('hi')
  await expect.poll(() => ann.lines).toEqual(['ben: hi'])
  ann.client.onInput()
  ann.client.onInput()
  await ann.client.say('hello')
  await expect.poll(() => ben.lines).toEqual(['ben: hi', 'ann is typing …', 'ann has stopped typing', 'ann: hello'])
  expect(ann.lines).toEqual(['ben: hi', 'ann: hello'])
})

it('acknowledgements: shows what the server has stored, and why not', async () => {
  const server = await serve(await import('../../examples/cookbook/acknowledgements/application.ts'))
  const { client, lines } = open(server, acknowledgements.start)
  await client.say('hello')
  await client.say(' ')
  expect(lines).toEqual(['… hello', '✓ hello', '…  ', '✗   (empty)'])
})

it('resume: gets what was published while the connection was lost', async () => {
  const recipe = await import('../../examples/cookbook/resume/application.ts')
  const server = await serve(recipe)
  const publish = (title: string) => recipe.news('sport').publish(recipe.layer, 'published', { title })
  await publish('one')
  const { client, lines } = open(server, resume.start)
  await expect.poll(() => lines).toEqual(['one'])
  client.reconnect()
  await publish('two')
  await expect.poll(() => lines.filter((line) => !line.startsWith('('))).toEqual(['one', 'two'])
  await expect.poll(() => lines).toContain('(back: nothing was missed)')
})

it('rate limiting: refuses the sixth message, and closes a flood', async () => {
  const server = await serve(await import('../../examples/cookbook/rate-limiting/application.ts'))
  const { client, lines } = open(server, rateLimiting.start)
  for (let i = 0; i < 6; i++) await client.say(`message ${i}`)
  expect(lines.at(-1)).toBe('At most 5 messages in 10 seconds.')
  const flood = Array.from({ length: 100 }, () => client.say('flood').catch(() => {}))
  await expect.poll(() => lines).toContain('closed with 1008')
  await Promise.all(flood)
})

it('back-pressure: sends all rows, and stops reading them while a client does not read', async () => {
  const recipe = await import('../../examples/cookbook/back-pressure/application.ts')
  const { lines } = open(await serve(recipe), backPressure.start)
  await expect.poll(() => lines.at(-1)).toBe('finished with 10000 rows')

  let count = 0
  async function* rows() {
    for (;;) yield { id: ++count, text: 'x'.repeat(1000) }
  }
  const exported = recipe.ExportConsumer.asApplication(rows)
  const server = await serve({ default: defineApplication({ websocket: originValidator(exported as never, ['*']) }) })
  const slow = new WebSocket(server.webSocketUrl)
  ends.push(() => slow.terminate())
  slow.on('open', () => {
    slow.pause()
    slow.send('{"export":"orders"}')
  })
  let before = 0
  await expect
    .poll(() => {
      const hasStopped = count > 1000 && count === before
      before = count
      return hasStopped
    })
    .toBe(true)
})

it('multi-tenant: refuses the channel of another company', async () => {
  const server = await serve(await import('../../examples/cookbook/multi-tenant/application.ts'))
  const ann = open(server, multiTenant.start)
  const cleo = open(server, multiTenant.start, 'cleo')
  await ann.client.say('hello')
  await expect.poll(() => ann.lines).toEqual(['ann: hello'])
  await expect.poll(() => cleo.lines).toEqual(['not for you: forbidden'])
  await expect(cleo.client.say('let me in')).rejects.toMatchObject({ serverCode: 'forbidden' })
})

it('private messages: reach the two people only, also later', async () => {
  const server = await serve(await import('../../examples/cookbook/private-messages/application.ts'))
  const ann = open(server, privateMessages.start)
  const cleo = open(server, privateMessages.start, 'cleo')
  await ann.client.write('ben', 'hello')
  await expect(ann.client.write('zoe', 'hello')).rejects.toMatchObject({ serverCode: 'unknown_user' })
  await expect.poll(() => ann.lines).toEqual(['to ben: hello'])
  const ben = open(server, privateMessages.start, 'ben')
  await expect.poll(() => ben.lines).toEqual(['ann: hello'])
  await ben.client.write('cleo', 'bye')
  await expect.poll(() => cleo.lines).toEqual(['ben: bye'])
})

it('notifications: come from a route, once, also to a user who comes later', async () => {
  const server = await serve(await import('../../examples/cookbook/notifications/application.ts'))
  for (let i = 0; i < 2; i++) {
    expect((await fetch(`${server.url}/shipped?user=ann&order=7`, { method: 'POST' })).status).toBe(204)
  }
  const { lines } = open(server, notifications.start)
  await expect.poll(() => lines).toEqual(['Order 7 is on its way. /orders/7'])
  await fetch(`${server.url}/shipped?user=ann&order=8`, { method: 'POST' })
  await expect.poll(() => lines).toHaveLength(2)
})

it('live cursors: show the last position of each page until it closes', async () => {
  const server = await serve(await import('../../examples/cookbook/live-cursors/application.ts'))
  const ann = open(server, liveCursors.start)
  const ben = open(server, liveCursors.start, 'ben')
  // A move before the join is dropped, so the pointer moves until both pages show it.
  await expect
    .poll(() => {
      ben.client.onMove(1, 1)
      ben.client.onMove(2, 3)
      return [ann.lines.at(-1), ben.lines.at(-1)]
    })
    .toEqual(['ben: 2,3', 'ben: 2,3'])
  expect(ann.lines).not.toContain('ben: 1,1')
  ben.client.close()
  await expect.poll(() => ann.lines.at(-1)).toMatch(/has left$/)
})

it('file upload: stores the file, announces it, and refuses large files and guests', async () => {
  const server = await serve(await import('../../examples/cookbook/file-upload/application.ts'))
  const { client, lines } = open(server, (url, show, user) => fileUpload.start(url, show, user, server.url))
  await client.upload(new Blob(['a picture']), '고양이.png')
  await expect.poll(() => lines).toEqual(['ann has uploaded 고양이.png (9 bytes)'])
  await client.upload(new Blob([new Uint8Array(10_000_001)]), 'film.mp4')
  expect(lines.at(-1)).toBe('film.mp4 was refused: 413')
  expect((await fetch(`${server.url}/files`, { method: 'POST', body: 'x' })).status).toBe(401)
})

it('streaming an answer: continues after a lost connection, without a hole', async () => {
  const server = await serve(await import('../../examples/cookbook/llm-streaming/application.ts'))
  const { client, lines } = open(server, llmStreaming.start)
  const question = Array.from({ length: 30 }, (_, i) => `word ${i}`).join(' ')
  const answer = client.ask(question)
  await expect.poll(() => lines.length).toBeGreaterThan(3)
  client.reconnect()
  expect(await answer).toBe(`You asked: ${question}`)
})

it('graceful shutdown: saves each draft before the database closes, and tells the client to come back', async () => {
  const recipe = await import('../../examples/cookbook/graceful-shutdown/application.ts')
  const server = await serve(recipe)
  const { client, lines } = open(server, gracefulShutdown.start)
  client.send('a draft')
  await expect.poll(() => client.state.status).toBe('open')
  await server.close()
  await expect.poll(() => lines).toContain('The server restarts.')
  expect(recipe.database).toMatchObject({ isOpen: false, drafts: ['a draft'] })
})

describeWith(['redis'], 'horizontal scaling', () => {
  it('sends a message to the clients of all processes', async () => {
    const redis = await RedisServer.start()
    ends.push(() => redis.stop())
    vi.stubEnv('REDIS_URL', `redis://127.0.0.1:${redis.port}`)
    const servers: LiveServer[] = []
    for (let i = 0; i < 2; i++) {
      // Each query is another module, as in another process.
      const recipe = (await import(`${root}examples/cookbook/horizontal-scaling/application.ts?process=${i}`)) as {
        readonly default: DefinedApplication
      }
      ends.push(() => Promise.all(Object.values(recipe.default.channelLayers).map((layer) => layer.close())))
      servers.push(await serve(recipe))
    }
    const [ann, ben] = servers.map((server) => open(server, horizontalScaling.start))
    await ann!.client.say('hello')
    await expect.poll(() => ben!.lines).toEqual([`hello (process ${process.pid})`])
  })
})
