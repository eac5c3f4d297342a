import { afterAll, beforeAll, expect, it } from 'vitest'

import type { Said } from '../../examples/chat/src/room/protocol.ts'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { describeWith } from '../setup/describe-with.ts'
import { databaseFolder, startChat, type ChatServer } from './chat-server.ts'
import { enterRoom, textsOf, type Visitor } from './visitor.ts'

/** A visitor who reconnects after each close, as the page does, and continues after the last message. */
class Regular {
  readonly heard: Said[] = []
  /** How often the connection was lost. */
  losses = 0
  readonly #origin: string
  readonly #name: string
  #visitor: Visitor | undefined
  #history = ''

  constructor(origin: string, name: string) {
    this.#origin = origin
    this.#name = name
  }

  /** Says it again until the server has said that it is kept. */
  async say(text: string): Promise<void> {
    await this.#persist(async (visitor) => {
      visitor.say(text)
      await visitor.next(({ id }) => id === `id-${text}`)
    })
  }

  async hear(text: string): Promise<void> {
    await this.#persist(async (visitor) => {
      while (!textsOf(this.heard).includes(text)) {
        const { messages } = await visitor.next(({ type }) => type === 'said')
        this.heard.push(...messages!)
      }
    })
  }

  async leave(): Promise<void> {
    await this.#visitor?.leave()
  }

  async #persist(action: (visitor: Visitor) => Promise<void>): Promise<void> {
    for (;;) {
      this.#visitor ??= await this.#enter()
      const visitor = this.#visitor
      // It ends with an error when the connection does.
      const isDone = await action(visitor).then(
        () => true,
        () => false,
      )
      if (isDone) return
      this.losses++
      this.#visitor = undefined
    }
  }

  async #enter(): Promise<Visitor> {
    const last = this.heard.at(-1)
    const seen = last === undefined ? undefined : { history: this.#history, number: last.number }
    const [visitor, welcome] = await enterRoom(this.#origin, 'lobby', this.#name, seen)
    if (welcome['hasGap'] === true) throw new Error('Some of what was said is not kept any more.')
    this.#history = String(welcome['history'])
    return visitor
  }
}

describeWith(['redis'], 'the chat over Redis, whose two workers are replaced one by one', () => {
  let redis: RedisServer
  let database: Awaited<ReturnType<typeof databaseFolder>>
  let server: ChatServer

  beforeAll(async () => {
    redis = await RedisServer.start()
    database = await databaseFolder()
    server = await startChat({
      database: database.file('chat.db'),
      flags: ['--workers=2', '--drain-window=0'],
      env: { REDIS_URL: redis.url },
    })
  })

  afterAll(async () => {
    await server.stop()
    await redis.stop()
    await database.remove()
  })

  it('refuses no connection and loses no acknowledged message', async () => {
    const [speaker, listener] = [new Regular(server.origin, 'speaker'), new Regular(server.origin, 'listener')]
    const said: string[] = []
    const sayOne = async (): Promise<void> => {
      const text = `message ${said.length}`
      await speaker.say(text)
      said.push(text)
    }
    await sayOne()
    await listener.hear(said[0]!)
    process.kill(server.pid, 'SIGHUP')
    const listening = listener.hear('the end')
    while (!server.output().includes('All workers were replaced.')) await sayOne()
    await sayOne()
    await speaker.say('the end')
    await listening
    expect(textsOf(listener.heard)).toEqual([...said, 'the end'])
    expect(speaker.losses).toBeGreaterThan(0)
    expect(listener.losses).toBeGreaterThan(0)
    await Promise.all([speaker.leave(), listener.leave()])
  }, 120_000)
})
