import { once } from 'node:events'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { describeWith } from '../setup/describe-with.ts'
import { databaseFolder, startChat, type ChatServer } from './chat-server.ts'
import { Page, textsOf } from './page.ts'
import { openVisitor, type Visitor } from './visitor.ts'

describeWith(['redis'], 'the chat in two processes', () => {
  describe.each(['pubsub', 'redis'])('with CHANNEL_LAYER=%s', (layer) => {
    let redis: RedisServer
    let database: Awaited<ReturnType<typeof databaseFolder>>
    let servers: ChatServer[] = []
    const visitors: (Page | Visitor)[] = []

    beforeAll(async () => {
      redis = await RedisServer.start()
      database = await databaseFolder()
      servers = [await start(), await start()]
    })

    afterEach(async () => {
      await Promise.all(visitors.splice(0).map((visitor) => visitor.leave()))
    })

    afterAll(async () => {
      await Promise.all(servers.map((server) => server.stop()))
      await redis.stop()
      await database.remove()
    })

    function start(): Promise<ChatServer> {
      const env = { CHANNEL_LAYER: layer, REDIS_URL: redis.url }
      return startChat({ database: database.file('chat.db'), env })
    }

    async function open(at: number, path: string): Promise<Visitor> {
      const visitor = await openVisitor(servers[at]!.origin, path)
      visitors.push(visitor)
      return visitor
    }

    async function enter(at: number, room: string, name: string): Promise<Page> {
      const page = await Page.enter(servers[at]!.origin, room, name)
      visitors.push(page)
      return page
    }

    it('delivers messages of one process to the other, with the plain protocol', async () => {
      const [here, there] = [await open(0, '/ws/chat/lobby/'), await open(1, '/ws/chat/lobby/')]
      here.tell({ message: 'Hello' })
      expect(await there.next()).toEqual({ message: 'Hello', user: '' })
      expect(await here.next()).toEqual({ message: 'Hello', user: '' })
      there.tell({ message: 'Hello yourself' })
      expect(await here.next()).toEqual({ message: 'Hello yourself', user: '' })
    })

    it('reports the people of both processes at each process', async () => {
      const [here, there] = [await enter(0, 'people', 'Anna'), await enter(1, 'people', 'Jun')]
      const counts = (): unknown[] => [here, there].map(({ group }) => group.people?.count)
      await expect.poll(counts, { timeout: 30_000 }).toEqual([2, 2])
      there.type()
      await here.next('typing')
      there.leave()
      await expect.poll(() => here.group.people?.count, { timeout: 30_000 }).toBe(1)
    })

    it('closes the connections of a person at both processes after a logout at one', async () => {
      const [here, there] = servers.map(({ origin }) => origin) as [string, string]
      const post = (path: string, cookie: string, body: object): Promise<Response> =>
        fetch(here + path, {
          method: 'POST',
          headers: { 'content-type': 'application/json', cookie },
          body: JSON.stringify(body),
        })
      const signedUp = await post('/api/me/account', '', { name: `Anna of ${layer}`, password: 'correct horse' })
      const cookie = signedUp.headers.getSetCookie()[0]!.split(';')[0]!
      // The other process knows her by the same cookie.
      const me = await fetch(`${there}/api/me`, { headers: { cookie } })
      expect(await me.json()).toEqual({ name: `Anna of ${layer}`, hasAccount: true })
      const room = await openVisitor(there, '/ws/chat/lobby/', { cookie })
      visitors.push(room)
      const closed = once(room.socket, 'close')
      await post('/api/me/logout', cookie, {})
      expect(((await closed) as [number])[0]).toBe(4401)
    })

    // Of the pub/sub layer the connections that receive, and those that send.
    it.each(layer === 'pubsub' ? ['PUBSUB', 'NORMAL'] : ['NORMAL'])(
      'shows a message that was published while connections of type %s broke, without another message after it',
      async (type) => {
        const room = `losses_${type}`
        const [anna, jun] = [await enter(0, room, 'Anna'), await enter(1, room, 'Jun')]
        await anna.say('before')
        // Many times while the message is stored and published, so that no connection lasts on which it could come.
        const kill = () => redis.client.call('CLIENT', 'KILL', 'TYPE', type)
        const kept = anna.say('lost')
        for (let i = 0; i < 50; i++) await kill()
        await kept
        for (const page of [anna, jun]) expect(textsOf(await page.hear('lost'))).toEqual(['before', 'lost'])
      },
    )

    it('shows two writers in one order to pages of both processes', async () => {
      const pages = [await enter(0, 'busy', 'one'), await enter(1, 'busy', 'other')]
      const said = await Promise.all(
        pages.map(async (page, n) => {
          for (let i = 0; i < 50; i++) await page.say(`${n} ${i}`)
        }),
      )
      expect(said).toHaveLength(2)
      await Promise.all(pages.map((page) => page.hear('0 49', '1 49')))
      const [one, other] = pages.map(({ heard }) => textsOf(heard)) as [string[], string[]]
      expect(one).toEqual(other)
      for (const n of [0, 1]) {
        expect(one.filter((text) => text.startsWith(`${n} `))).toEqual(
          Array.from({ length: 50 }, (_, i) => `${n} ${i}`),
        )
      }
    })
  })
})
