import { once } from 'node:events'

import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'

import type { Said } from '../../examples/chat/src/room/protocol.ts'
import { RedisServer } from '../../packages/redis/test/redis-server.ts'
import { describeWith } from '../setup/describe-with.ts'
import { databaseFolder, startChat, type ChatServer } from './chat-server.ts'
import { enterRoom, openVisitor, textsOf, type Answer, type Visitor } from './visitor.ts'

describeWith(['redis'], 'the chat in two processes', () => {
  describe.each(['pubsub', 'redis'])('with CHANNEL_LAYER=%s', (layer) => {
    let redis: RedisServer
    let database: Awaited<ReturnType<typeof databaseFolder>>
    let servers: ChatServer[] = []
    const visitors: Visitor[] = []

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

    async function enter(at: number, room: string, name: string, seen?: object): Promise<[Visitor, Answer]> {
      const entered = await enterRoom(servers[at]!.origin, room, name, seen)
      visitors.push(entered[0])
      return entered
    }

    it('delivers messages of one process to the other, with the plain protocol', async () => {
      const [here, there] = [await open(0, '/ws/chat/lobby/'), await open(1, '/ws/chat/lobby/')]
      here.tell({ message: 'Hello' })
      expect(await there.next(() => true)).toEqual({ message: 'Hello', user: '' })
      expect(await here.next(() => true)).toEqual({ message: 'Hello', user: '' })
      there.tell({ message: 'Hello yourself' })
      expect(await here.next(() => true)).toEqual({ message: 'Hello yourself', user: '' })
    })

    it('reports the people of both processes at each process', async () => {
      const isTwo = ({ type, guests }: Answer): boolean => type === 'people' && guests === 2
      const isOne = ({ type, guests }: Answer): boolean => type === 'people' && guests === 1
      const [here] = await enter(0, 'people', 'Anna')
      const [there] = await enter(1, 'people', 'Jun')
      await Promise.all([here.next(isTwo), there.next(isTwo)])
      there.tell({ type: 'typing' })
      await here.next(({ type }) => type === 'typing')
      await there.leave()
      expect(await here.next(isOne)).toMatchObject({ type: 'people', guests: 1 })
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
      'shows a message that was lost while connections of type %s broke, without another message after it',
      async (type) => {
        const room = `losses_${type}`
        const [[anna], [jun]] = [await enter(0, room, 'Anna'), await enter(1, room, 'Jun')]
        anna.say('before')
        await Promise.all([anna.hear('before'), jun.hear('before')])
        // From before the message is sent until it is kept, no connection lasts on which it could come.
        const kill = () => redis.client.call('CLIENT', 'KILL', 'TYPE', type)
        await kill()
        anna.say('lost')
        const kept = anna.next(({ id }) => id === 'id-lost').then(() => true)
        while (!(await Promise.race([kept, kill().then(() => false)])));
        // Only the history has it now: the servers read it when the layer reports the gap.
        for (const visitor of [anna, jun]) expect(textsOf(await visitor.hear('lost'))).toContain('lost')
      },
    )

    it('sends a reader that changes the process no gap and no duplicate while both write', async () => {
      const room = 'busy'
      const [[one], [other]] = [await enter(0, room, 'one'), await enter(1, room, 'other')]
      const [first, { history }] = await enter(0, room, 'reader')
      const heard: Said[] = []
      let reader = first
      for (let round = 0; round < 10; round++) {
        for (let i = 0; i < 20; i++) {
          one.say(`one ${round} ${i}`)
          other.say(`other ${round} ${i}`)
        }
        // Away in the middle of it, and back at the other process.
        const middle = `one ${round} 10`
        if (!textsOf(heard).includes(middle)) heard.push(...(await reader.hear(middle)))
        await reader.leave()
        const [back, welcome] = await enter((round + 1) % 2, room, 'reader', {
          history,
          number: heard.at(-1)!.number,
        })
        expect(welcome).toMatchObject({ continues: true, hasGap: false })
        reader = back
      }
      one.say('the end')
      other.say('the other end')
      heard.push(...(await reader.hear('the end', 'the other end')))
      const texts = textsOf(heard)
      expect(new Set(texts).size).toBe(texts.length)
      for (const who of ['one', 'other']) {
        const said = Array.from({ length: 200 }, (_, n) => `${who} ${Math.floor(n / 20)} ${n % 20}`)
        expect(texts.filter((text) => text.startsWith(who))).toEqual(said)
      }
      const numbers = heard.map(({ number }) => number!)
      expect(numbers).toEqual(numbers.toSorted((a, b) => a - b))
    })
  })
})
