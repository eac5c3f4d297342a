import { readFile, readdir } from 'node:fs/promises'

import { afterAll, beforeAll, describe, expect, it } from 'vitest'

import { patiently } from '../setup/patiently.ts'
import { databaseFolder, startChat, type ChatServer } from './chat-server.ts'
import { Page, textsOf } from './page.ts'

describe('the chat in two workers without Redis', { timeout: 180_000 }, () => {
  let database: Awaited<ReturnType<typeof databaseFolder>>
  let temporary: Awaited<ReturnType<typeof databaseFolder>>
  let server: ChatServer
  let pages: [Page, Page]

  beforeAll(async () => {
    database = await databaseFolder()
    temporary = await databaseFolder()
    const env = { CHANNEL_LAYER: 'memory', REDIS_URL: undefined, TMPDIR: temporary.file('') }
    server = await startChat({ database: database.file('chat.db'), flags: ['--workers=2'], env })
    const [first, second] = (await workers()) as [number, number]
    pages = [await enterWithout(first, 'Anna'), await enterWithout(second, 'Jun')]
  }, 180_000)

  afterAll(async () => {
    await Promise.all(pages.map((page) => page.leave()))
    await server.stop()
    await database.remove()
    await temporary.remove()
  })

  async function workers(): Promise<number[]> {
    const children = await readFile(`/proc/${server.pid}/task/${server.pid}/children`, 'utf8')
    return children.trim().split(' ').map(Number)
  }

  /** Enters the room at the other worker: this one is stopped and cannot accept. */
  async function enterWithout(worker: number, name: string): Promise<Page> {
    process.kill(worker, 'SIGSTOP')
    try {
      return await Page.enter(server.origin, 'workers', name)
    } finally {
      process.kill(worker, 'SIGCONT')
    }
  }

  it('delivers messages and presence between clients of both, and says that the layer is shared', async () => {
    const [anna, jun] = pages
    await anna.say('hello')
    await jun.say('hello yourself')
    for (const page of pages) {
      await patiently(() => expect(textsOf(page.heard)).toEqual(['hello', 'hello yourself']))
      await patiently(() => expect(page.group.people?.count).toBe(2))
    }
    expect(server.output()).toMatch(/Channel layer "default": the workers share it through this process\.\n2 workers/)
  })

  it('continues every client without a gap when all workers are replaced', async () => {
    const old = await workers()
    process.kill(server.pid, 'SIGHUP')
    const [anna, jun] = pages
    for (let n = 0; !server.output().includes('All workers were replaced'); n++) {
      await anna.say(`message ${n}`)
      await new Promise((resolve) => setTimeout(resolve, 200))
    }
    await jun.say('the last one')
    await patiently(() => expect(textsOf(anna.heard).at(-1)).toBe('the last one'))
    await patiently(() => expect(textsOf(jun.heard)).toEqual(textsOf(anna.heard)))
    expect(new Set(textsOf(anna.heard)).size).toBe(anna.heard.length)
    for (const page of pages) expect(page.recovered.slice(1)).not.toContain(false)
    expect((await workers()).filter((pid) => old.includes(pid))).toEqual([])
  })

  it('leaves no file of the hub when its process is killed', async () => {
    const hubs = (): Promise<string[]> =>
      readdir(temporary.file('')).then((names) => names.filter((name) => name.includes('serve')))
    expect(await hubs()).toHaveLength(1)
    process.kill(server.pid, 'SIGKILL')
    await patiently(async () => expect(await hubs()).toEqual([]))
  })
})
