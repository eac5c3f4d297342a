import { fileURLToPath } from 'node:url'

import { serve, type RunningServer } from 'tideway'
import { closeThreads } from 'tideway/worker'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import './temporary-database.ts'
import application from '../../examples/chat/src/application.ts'
import { countWords, drawWords } from '../../examples/chat/src/report/words.ts'
import type { Report } from '../../examples/chat/src/report/reports.ts'
import { append } from '../../examples/chat/src/room/archive.ts'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { startProgram } from '../setup/child-process.ts'
import { describeWith } from '../setup/describe-with.ts'
import { databaseFolder, startChat } from './chat-server.ts'
import { Page } from './page.ts'
import { openVisitor, type Visitor } from './visitor.ts'
import { bundledChat, bundledTideway } from '../setup/compiled.ts'

const visitors: (Page | Visitor)[] = []

afterEach(async () => {
  await Promise.all(visitors.splice(0).map((visitor) => visitor.leave()))
})

async function enter(origin: string, room: string, name: string): Promise<Page> {
  const page = await Page.enter(origin, room, name)
  visitors.push(page)
  return page
}

/** The progress of a report, and the report. */
async function reportOf(page: Page): Promise<[progress: number[], report: Report]> {
  const progress: number[] = []
  for (;;) {
    const { name, data } = await page.nextOf('progress', 'reported')
    if (name === 'reported') return [progress, data as Report]
    progress.push((data as { progress: number }).progress)
  }
}

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

  const pictureOf = (room: string, { at }: Report): Promise<Response> =>
    fetch(`${server.url}/rooms/${room}/report.svg?at=${String(at)}`)

  it('reports its progress and then the most frequent words to every client in the room', async () => {
    const room = newRoom(
      'The ferry leaves at nine',
      'Which ferry?',
      'The one to the harbour https://example.com/harbour',
    )
    const [anna, jun] = [await enter(server.url, room, 'Anna'), await enter(server.url, room, 'Jun')]
    expect(await anna.say('/report')).toEqual({ report: 'waiting' })
    for (const [progress, report] of [await reportOf(anna), await reportOf(jun)]) {
      expect(progress).toEqual(Array.from({ length: 21 }, (_, i) => i / 20))
      expect(report).toMatchObject({
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
    await anna.say('/report')
    await jun.next('progress')
    await jun.say('hello')
    await anna.hear('hello')
    expect((await anna.nextOf('progress', 'reported')).name).toBe('progress')
    await anna.next('reported')
  })

  it('joins a running report', async () => {
    const room = newRoom('something')
    const [anna, jun] = [await enter(server.url, room, 'Anna'), await enter(server.url, room, 'Jun')]
    await anna.say('/report')
    await jun.next('progress')
    expect(await jun.say('/report')).toEqual({ report: 'waiting' })
    expect((await reportOf(anna))[1]).toEqual((await reportOf(jun))[1])
    // One at a time is made in this process: a second one of this room would come before that of another.
    const kim = await enter(server.url, newRoom('something'), 'Kim')
    await kim.say('/report')
    await reportOf(kim)
    await anna.say('the end')
    expect((await anna.nextOf('reported', 'said')).name).toBe('said')
  })

  it('is one line of text to a plain client', async () => {
    const room = newRoom('something')
    const anna = await enter(server.url, room, 'Anna')
    const plain = await openVisitor(server.url, `/ws/chat/${room}/`)
    visitors.push(plain)
    await anna.say('/report')
    await reportOf(anna)
    await anna.say('the end')
    expect(await plain.next()).toEqual({ message: '/report', user: '' })
    expect(await plain.next()).toEqual({ message: 'the end', user: '' })
  })

  it('serves the picture only as an image, until the next report of the room', async () => {
    const room = newRoom('lighthouse lighthouse', 'harbour')
    const anna = await enter(server.url, room, 'Anna')
    await anna.say('/report')
    const first = await anna.next<Report>('reported')
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

    await anna.say('/report', 'another-key-for-a-report')
    const second = await anna.next<Report>('reported')
    expect((await pictureOf(room, second)).status).toBe(200)
    expect((await pictureOf(room, first)).status).toBe(404)
  })

  it('is sent to clients that enter later', async () => {
    const room = newRoom('something')
    const anna = await enter(server.url, room, 'Anna')
    await anna.say('/report')
    const report = await anna.next('reported')
    const jun = new Page(server.url, room, 'Jun')
    visitors.push(jun)
    expect(await jun.next('reported')).toEqual(report)
  })

  it('has no picture for a room without messages', async () => {
    const room = newRoom()
    const anna = await enter(server.url, room, 'Anna')
    await anna.say(' /report ')
    const report = await anna.next<Report>('reported')
    expect(report.words).toEqual([])
    expect((await pictureOf(room, report)).status).toBe(404)
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
      expect(await anna.say('/report')).toEqual({ report: 'failed' })
      await anna.say('hello')
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
    const args = [bundledTideway, 'worker', bundledChat, '--tasks']
    const worker = await startProgram(process.execPath, args, {
      cwd: fileURLToPath(new URL('../..', import.meta.url)),
      ready: /Working on the tasks report/,
      env,
    })
    try {
      const anna = await enter(server.origin, 'lobby', 'Anna')
      await anna.say('lighthouse')
      await anna.say('/report')
      const [progress, { at }] = await reportOf(anna)
      expect(progress.at(-1)).toBe(1)
      expect(await (await fetch(`${server.origin}/rooms/lobby/report.svg?at=${at}`)).text()).toContain('>lighthouse<')
    } finally {
      await worker.stop()
      await server.stop()
      await redis.stop()
      await database.remove()
    }
  })
})
