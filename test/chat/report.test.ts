import { fileURLToPath } from 'node:url'

import { serve, type RunningServer } from 'tideway'
import { closeThreads } from 'tideway/worker'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import './temporary-database.ts'
import application from '../../examples/chat/src/application.ts'
import { countWords, drawWords } from '../../examples/chat/src/report/words.ts'
import { append } from '../../examples/chat/src/room/history.ts'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { startProgram } from '../setup/child-process.ts'
import { describeWith } from '../setup/describe-with.ts'
import { databaseFolder, startChat } from './chat-server.ts'
import { enterRoom, openVisitor, type Answer, type Visitor } from './visitor.ts'
import { fromSources } from '../setup/from-sources.ts'

const isReport = ({ type }: Answer): boolean => type === 'report'
const isDone = (answer: Answer): boolean => isReport(answer) && answer['state'] === 'done'
const isRunning = (answer: Answer): boolean => isReport(answer) && answer['state'] === 'running'

const visitors: Visitor[] = []

afterEach(async () => {
  await Promise.all(visitors.splice(0).map((visitor) => visitor.leave()))
})

async function enter(origin: string, room: string, name: string): Promise<Visitor> {
  const [visitor] = await enterRoom(origin, room, name)
  visitors.push(visitor)
  // It is a member of the room once it is told who is here.
  await visitor.next(({ type }) => type === 'people')
  return visitor
}

/** What is told of reports, up to the end of the one that is being made. */
async function reportOf(visitor: Visitor): Promise<Answer[]> {
  const told: Answer[] = []
  while (told.length === 0 || !isDone(told.at(-1)!)) told.push(await visitor.next(isReport))
  return told
}

const progressOf = (told: readonly Answer[]): unknown[] => told.filter(isRunning).map(({ progress }) => progress)

describe('/report', () => {
  let server: RunningServer
  let rooms = 0

  beforeAll(async () => {
    server = await serve(application, { port: 0 })
  })

  afterAll(async () => {
    await server.close()
    await closeThreads()
  })

  /** A room in which something was said. */
  function newRoom(...messages: readonly string[]): string {
    const room = `report_room_${++rooms}`
    for (const [i, message] of messages.entries()) {
      append(room, { user: '', message, author: 'otherTag', owner: '', key: `${room}-${i}` })
    }
    return room
  }

  const pictureOf = (room: string, { at }: Answer): Promise<Response> =>
    fetch(`${server.url}/rooms/${room}/report.svg?at=${String(at)}`)

  it('reports its progress and then the most frequent words to every client in the room', async () => {
    const room = newRoom(
      'The ferry leaves at nine',
      'Which ferry?',
      'The one to the harbour https://example.com/harbour',
    )
    const [anna, jun] = [await enter(server.url, room, 'Anna'), await enter(server.url, room, 'Jun')]
    anna.say('/report')
    for (const told of [await reportOf(anna), await reportOf(jun)]) {
      expect(progressOf(told)).toEqual(Array.from({ length: 21 }, (_, i) => i / 20))
      expect(told.at(-1)).toMatchObject({
        words: [
          ['ferry', 2],
          ['harbour', 1],
          ['leaves', 1],
          ['nine', 1],
          ['which', 1],
        ],
      })
    }
  })

  it('does not block messages in the room', async () => {
    const room = newRoom('something')
    const [anna, jun] = [await enter(server.url, room, 'Anna'), await enter(server.url, room, 'Jun')]
    anna.say('/report')
    await jun.next(isRunning)
    jun.say('hello')
    await anna.hear('hello')
    expect((await anna.next(isReport))['state']).toBe('running')
    await anna.next(isDone)
  })

  it('joins a running report', async () => {
    const room = newRoom('something')
    const [anna, jun] = [await enter(server.url, room, 'Anna'), await enter(server.url, room, 'Jun')]
    anna.say('/report')
    await jun.next(isRunning)
    jun.say('/report')
    const told = await reportOf(jun)
    expect(told.map(({ state }) => state)).toContain('waiting')
    expect((await anna.next(isDone))['at']).toBe(told.at(-1)?.['at'])
    // One at a time is made in this process: a second one of this room would come before that of another.
    const other = newRoom('something')
    const kim = await enter(server.url, other, 'Kim')
    kim.say('/report')
    await reportOf(kim)
    anna.tell({ type: 'ping' })
    expect((await anna.next(({ type }) => type === 'report' || type === 'pong')).type).toBe('pong')
  })

  it('is one line of text to a plain client', async () => {
    const room = newRoom('something')
    const anna = await enter(server.url, room, 'Anna')
    const plain = await openVisitor(server.url, `/ws/chat/${room}/`)
    visitors.push(plain)
    anna.say('/report')
    await reportOf(anna)
    anna.say('the end')
    expect(await plain.next(() => true)).toEqual({ message: '/report', user: '' })
    expect(await plain.next(() => true)).toEqual({ message: 'the end', user: '' })
  })

  it('serves the picture only as an image, until the next report of the room', async () => {
    const room = newRoom('lighthouse lighthouse', 'harbour')
    const anna = await enter(server.url, room, 'Anna')
    anna.say('/report')
    const first = await anna.next(isDone)
    const response = await pictureOf(room, first)
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toMatch(/^image\/svg\+xml(;|$)/)
    expect(response.headers.get('content-security-policy')).toBe(
      "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    )
    expect(response.headers.get('x-content-type-options')).toBe('nosniff')
    expect(await response.text()).toMatch(
      />lighthouse<.*\n.*>2<.*\n.*width="360"[^]*>harbour<.*\n.*>1<.*\n.*width="180"/,
    )
    expect((await pictureOf('another_room', first)).status).toBe(404)
    expect((await fetch(`${server.url}/rooms/${room}/report.svg?at=x`)).status).toBe(404)

    anna.say('/report', 'another-key-for-a-report')
    const second = await anna.next(isDone)
    expect((await pictureOf(room, second)).status).toBe(200)
    expect((await pictureOf(room, first)).status).toBe(404)
  })

  it('is sent to clients that enter later', async () => {
    const room = newRoom('something')
    const anna = await enter(server.url, room, 'Anna')
    anna.say('/report')
    const done = await anna.next(isDone)
    expect(await (await enter(server.url, room, 'Jun')).next(isReport)).toEqual(done)
  })

  it('has no picture for a room without messages', async () => {
    const room = newRoom()
    const anna = await enter(server.url, room, 'Anna')
    anna.say(' /report ')
    const done = await anna.next(isDone)
    expect(done['words']).toEqual([])
    expect((await pictureOf(room, done)).status).toBe(404)
  })
})

describe('the words of a report', () => {
  it('are those of any script, without links, commands and short ones', () => {
    const counts = countWords(['The café, the CAFÉ!', '東京。東京', 'https://example.com/secret', '/report words'])
    expect(Object.fromEntries(counts)).toMatchObject({ café: 2, 東京: 2 })
    expect([...counts.keys()].filter((word) => /the|secret|report|words/.test(word))).toEqual([])
  })

  it('are drawn as text, at most twelve and at most 28 characters of each', () => {
    const counts = new Map([
      ['<script>&', 3],
      ...Array.from({ length: 20 }, (_, i) => [`${i}`.padStart(40, 'x'), 1] as const),
    ])
    const { words, svg } = drawWords(counts)
    expect(words).toHaveLength(12)
    expect(words[1]?.[0]).toBe(`${'x'.repeat(27)}…`)
    expect(svg).toContain('>&lt;script>&amp;<')
    expect(svg).not.toContain('<script')
  })
})

describe('/report without its Redis', () => {
  it('reports the failure to the requesting client, and the room continues', async () => {
    const database = await databaseFolder()
    const env = { CHANNEL_LAYER: 'memory', REDIS_URL: 'redis://127.0.0.1:1' }
    const server = await startChat({ database: database.file('chat.db'), env })
    try {
      const anna = await enter(server.origin, 'lobby', 'Anna')
      anna.say('/report')
      expect((await anna.next(isReport))['state']).toBe('failed')
      anna.say('hello')
      await anna.hear('hello')
    } finally {
      await server.stop()
      await database.remove()
    }
  })
})

describeWith(['redis'], '/report with a worker in another process', () => {
  it('runs in the worker, and is broadcast and served by the server', async () => {
    const redis = await RedisServer.start()
    const database = await databaseFolder()
    const env = { REDIS_URL: redis.url, CHAT_DATABASE: database.file('chat.db') }
    const server = await startChat({ database: database.file('chat.db'), env })
    const cli = ['packages/tideway/src/cli/main.ts', 'worker', 'examples/chat/src/application.ts', '--tasks']
    const args = [...fromSources, ...cli]
    const worker = await startProgram(process.execPath, args, {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      ready: /Working on the tasks report/,
      env,
    })
    try {
      const anna = await enter(server.origin, 'lobby', 'Anna')
      anna.say('lighthouse')
      anna.say('/report')
      const told = await reportOf(anna)
      expect(progressOf(told).at(-1)).toBe(1)
      const at = String(told.at(-1)?.['at'])
      expect(await (await fetch(`${server.origin}/rooms/lobby/report.svg?at=${at}`)).text()).toContain('>lighthouse<')
    } finally {
      await worker.stop()
      await server.stop()
      await redis.stop()
      await database.remove()
    }
  })
})
