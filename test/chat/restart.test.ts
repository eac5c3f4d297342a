import { afterAll, beforeAll, expect, it } from 'vitest'

import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { describeWith } from '../setup/describe-with.ts'
import { databaseFolder, startChat, type ChatServer } from './chat-server.ts'
import { Page, textsOf } from './page.ts'

describeWith(['redis'], 'the chat over Redis, whose two workers are replaced one by one', () => {
  let redis: RedisServer
  let database: Awaited<ReturnType<typeof databaseFolder>>
  let server: ChatServer

  beforeAll(async () => {
    redis = await RedisServer.start()
    database = await databaseFolder()
    server = await startChat({
      database: database.file('chat.db'),
      flags: ['--workers=2'],
      env: { REDIS_URL: redis.url },
    })
  })

  afterAll(async () => {
    await server.stop()
    await redis.stop()
    await database.remove()
  })

  it('moves every page without a lost connection, and shows each message once and in order', async () => {
    const [speaker, listener] = [
      await Page.enter(server.origin, 'lobby', 'speaker'),
      await Page.enter(server.origin, 'lobby', 'listener'),
    ]
    const said: string[] = []
    const sayOne = async (): Promise<void> => {
      const text = `message ${said.length}`
      await speaker.say(text)
      said.push(text)
    }
    await sayOne()
    process.kill(server.pid, 'SIGHUP')
    while (!server.output().includes('All workers were replaced.')) await sayOne()
    await sayOne()
    await listener.hear(said.at(-1)!)
    for (const page of [speaker, listener]) {
      expect(textsOf(page.heard)).toEqual(said)
      expect(page.losses).toBe(0)
      // Once on entry, and then on a worker that was not replaced.
      expect(page.recovered.length).toBeGreaterThan(1)
      expect(page.recovered.slice(1)).not.toContain(false)
      page.leave()
    }
  }, 120_000)
})
