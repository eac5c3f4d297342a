import { InMemoryChannelLayer } from 'tideway'
import { defineGroup, LiveConsumer, request, type Authorization, type LiveGroup } from 'tideway/live'
import { describe, expect, expectTypeOf, it, vi } from 'vitest'
import { z } from 'zod'
import { patiently } from '../../../../test/setup/patiently.ts'
import { LiveTest, type Frame, type LiveClient } from './live-client.ts'

const room = defineGroup('room', {
  events: { said: z.object({ text: z.string() }) },
  presence: z.object({ name: z.string(), status: z.string().default('here') }),
})
const plain = defineGroup('plain', { events: { said: z.object({ text: z.string() }) } })

/** The person and the authorization are in the scope of the test. */
class Chat extends LiveConsumer<{}, { readonly who?: string; readonly authorization?: Authorization }> {
  static override groups = { room, plain }
  static presents = 0

  override authorize(): Authorization {
    return this.scope.authorization ?? true
  }

  override present(group: LiveGroup) {
    Chat.presents++
    const { who } = this.scope
    if (who === 'broken') throw new Error('the database is down')
    return group.family === 'plain' || who === undefined ? undefined : { key: who, name: who.toUpperCase() }
  }

  busy = request(z.string(), (status) => this.updatePresence(room('lobby'), { name: 'busy', status }))
  wrong = request(z.undefined(), () => this.updatePresence(room('lobby'), { name: 1 } as never))
  kick = request(z.undefined(), () => this.leave(room('lobby')))
}
const application = Chat.asApplication()

/** A test whose people leave at once, so that it does not wait. */
function testOf(graceMs = 0): LiveTest {
  const test = new LiveTest()
  const layer = new InMemoryChannelLayer({ keptGroups: { presence: { graceMs, diffMs: 5, listSize: 3, listUpTo: 5 } } })
  return Object.assign(test, { layer })
}

function connect(test: LiveTest, who: string | undefined, scope: object = {}): Promise<LiveClient> {
  return test.connect(application, { who, ...scope })
}

/** Reads presence frames until the people of the client are as expected. Applies them as a client does. */
async function people(client: LiveClient, joined: Frame, count: number): Promise<Record<string, unknown>> {
  const who = joined['who'] as { count: number; list?: Record<string, unknown> }
  let list = { ...who.list }
  let now = who.count
  while (now !== count) {
    const { w } = (await client.next()) as { w: { count: number; list?: {}; in?: {}; up?: {}; out?: string[] } }
    list = { ...(w.list ?? list), ...w.in, ...w.up }
    for (const key of w.out ?? []) delete list[key]
    now = w.count
  }
  return list
}

describe('the presence of a live consumer', () => {
  it('has who is in the group in the answer to a join, and the changes after it', async () => {
    const test = testOf()
    const ann = await connect(test, 'ann')
    const joined = await ann.join('room.lobby')
    expect(await people(ann, joined, 1)).toEqual({ ann: { name: 'ANN', status: 'here' } })
    const bo = await connect(test, 'bo')
    const boJoined = await bo.join('room.lobby')
    expect(Object.keys(await people(bo, boJoined, 2)).toSorted()).toEqual(['ann', 'bo'])
    expect(await ann.next()).toEqual({
      g: 'room.lobby',
      w: { in: { bo: { name: 'BO', status: 'here' } }, count: 2 },
    })
    await bo.communicator.disconnect()
    expect(await ann.next()).toEqual({ g: 'room.lobby', w: { out: ['bo'], count: 1 } })
  })

  it('is one person for all connections with one key', async () => {
    const test = testOf()
    const watcher = await connect(test, undefined)
    expect((await watcher.join('room.lobby'))['who']).toEqual({ count: 0, list: {} })
    const tabs = await Promise.all([1, 2, 3].map(() => connect(test, 'ann')))
    for (const tab of tabs) await tab.join('room.lobby')
    expect((await watcher.next())['w']).toMatchObject({ count: 1 })
    await Promise.all(tabs.map((tab) => tab.communicator.disconnect()))
    expect((await watcher.next())['w']).toEqual({ out: ['ann'], count: 0 })
  })

  it('is kept for a connection that ends, and ends at once with a leave', async () => {
    const test = testOf(60_000)
    const [ann, bo] = [await connect(test, 'ann'), await connect(test, 'bo')]
    await ann.join('room.lobby')
    await bo.join('room.lobby')
    await ann.communicator.disconnect()
    bo.send({ t: 'leave', g: 'room.lobby' })
    await patiently(async () => expect([...(await room('lobby').who(test.layer)).people.keys()]).toEqual(['ann']))
  })

  it('ends at once if the consumer ends the join', async () => {
    const test = testOf(60_000)
    const ann = await connect(test, 'ann')
    await ann.join('room.lobby')
    ann.send({ t: 'request', m: 'kick' })
    await patiently(async () => expect(await room('lobby').count(test.layer)).toBe(0))
  })

  it.each([
    ['the count', { presence: 'count' as const }, { count: 2 }],
    ['nothing', { presence: false as const }, undefined],
  ])('shows %s if authorize() says so', async (_name, authorization, who) => {
    const test = testOf()
    const [ann, bo] = [await connect(test, 'ann'), await connect(test, 'bo')]
    await people(ann, await ann.join('room.lobby'), 1)
    await people(bo, await bo.join('room.lobby'), 2)
    const limited = await connect(test, undefined, { authorization })
    expect((await limited.join('room.lobby', { who: 'list' }))['who']).toEqual(who)
  })

  it('shows the count of a group with more than listUpTo people, and the list if the client asks for it', async () => {
    const test = testOf()
    const [auto, list, counting] = [
      await connect(test, undefined),
      await connect(test, undefined),
      await connect(test, undefined),
    ]
    await auto.join('room.lobby')
    await list.join('room.lobby', { who: 'list' })
    expect((await counting.join('room.lobby', { who: 'count' }))['who']).toEqual({ count: 0 })
    const members = []
    for (let person = 0; person < 6; person++) {
      const client = await connect(test, `${person}`)
      await client.join('room.lobby')
      members.push(client)
    }
    const frames = { auto: [] as Frame[], list: [] as Frame[], counting: [] as Frame[] }
    for (const [name, client] of Object.entries({ auto, list, counting })) {
      let last: Frame = {}
      while ((last['w'] as { count?: number } | undefined)?.count !== 6) {
        last = await client.next()
        frames[name as keyof typeof frames].push(last)
      }
    }
    expect(frames.auto.at(-1)!['w']).toEqual({ list: {}, count: 6 })
    expect(frames.counting.every(({ w }) => Object.keys(w as object).join() === 'count')).toBe(true)
    const listed = frames.list.flatMap(({ w }) => Object.keys((w as { in?: object }).in ?? {}))
    expect(listed).toEqual(['0', '1', '2'])
    await members[0]!.communicator.disconnect()
    const { w } = (await list.next()) as { w: { out: string[]; in: object; count: number } }
    expect([w.out, Object.keys(w.in), w.count]).toEqual([['0'], ['3'], 5])
  })

  it('is updated for all, and refuses what the schema refuses', async () => {
    const test = testOf()
    const ann = await connect(test, 'ann')
    await people(ann, await ann.join('room.lobby'), 1)
    ann.send({ t: 'request', id: '1', m: 'busy', d: 'away' })
    expect(await ann.take(2)).toEqual(
      expect.arrayContaining([
        { t: 'answer', id: '1' },
        { g: 'room.lobby', w: { up: { ann: { name: 'busy', status: 'away' } }, count: 1 } },
      ]),
    )
    expect(await ann.request('wrong', undefined, '2')).toMatchObject({ error: { code: 'failed' } })
    const guest = await connect(test, undefined)
    await guest.join('room.lobby')
    expect(await guest.request('busy', 'away', '3')).toMatchObject({ error: { code: 'forbidden' } })
  })

  it('is not entered by a join that fails, and is left by one that ends while it opens', async () => {
    const test = testOf(60_000)
    const broken = await connect(test, 'broken')
    expect(await broken.join('room.lobby')).toMatchObject({ t: 'left', code: 'unavailable' })
    const { presence } = test.layer.keptGroups
    const enter = presence!.enter.bind(presence)
    let go = (): void => {}
    const gate = new Promise<void>((resolve) => (go = resolve))
    const entering = vi.spyOn(presence!, 'enter').mockImplementation(async (...args) => {
      await gate
      return enter(...args)
    })
    const ann = await connect(test, 'ann')
    ann.send({ t: 'join', g: 'room.lobby' })
    await patiently(() => expect(entering).toHaveBeenCalledTimes(1))
    await ann.communicator.disconnect()
    go()
    await entering.mock.results[0]!.value
    await patiently(async () => expect(await room('lobby').count(test.layer)).toBe(0))
  })

  it('enters a client once that joins again', async () => {
    const test = testOf(60_000)
    const ann = await connect(test, 'ann')
    await people(ann, await ann.join('room.lobby'), 1)
    ann.send({ t: 'join', g: 'room.lobby' }, { t: 'join', g: 'room.lobby' })
    const joined = await ann.next()
    expect(joined['who']).toEqual({ count: 1, list: { ann: { name: 'ANN', status: 'here' } } })
    ann.send({ t: 'leave', g: 'room.lobby' })
    await patiently(async () => expect(await room('lobby').count(test.layer)).toBe(0))
  })

  it('does not exist in a group without it', async () => {
    const test = testOf()
    Chat.presents = 0
    const ann = await connect(test, 'ann')
    expect(await ann.join('plain.a')).not.toHaveProperty('who')
    expect(Chat.presents).toBe(0)
    await expect(plain('a').who(test.layer as never)).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })

  it('refuses another `who` in a frame', async () => {
    const ann = await connect(testOf(), 'ann')
    ann.send({ t: 'join', g: 'room.lobby', who: true })
    expect(await ann.communicator.receiveClose()).toMatchObject({ code: 4400 })
  })
})

describe('a group with presence', () => {
  it('calls onLeft() of its declaration for each person who has left', async () => {
    const test = testOf()
    const left: unknown[] = []
    const remove = room.onLeft(test.layer, (person, group) => {
      expectTypeOf(person).toEqualTypeOf<{ readonly key: string; readonly meta: { name: string; status: string } }>()
      left.push([person, group])
    })
    const ann = await connect(test, 'ann')
    await ann.join('room.lobby')
    await ann.communicator.disconnect()
    await patiently(() => expect(left).toEqual([[{ key: 'ann', meta: { name: 'ANN', status: 'here' } }, 'room.lobby']]))
    remove()
  })

  it('has its people and its count from anywhere', async () => {
    const test = testOf()
    for (const who of ['ann', 'bo']) await (await connect(test, who)).join('room.lobby')
    const { count, people: found } = await room('lobby').who(test.layer, { limit: 1 })
    expectTypeOf(found).toEqualTypeOf<ReadonlyMap<string, { name: string; status: string }>>()
    expect([count, found.size]).toEqual([2, 1])
    expect(await room('lobby').count(test.layer)).toBe(2)
    await expect(room('lobby').who(test.layer, { limit: 10_001 })).rejects.toMatchObject({ code: 'ERR_BAD_OPTION' })
  })

  it('is checked by the compiler', () => {
    class Wrong extends LiveConsumer<{}, {}> {
      static override groups = { room }
      override present() {
        return { key: 'a', nickname: 'b' }
      }
    }
    // @ts-expect-error The schema has a name.
    Wrong.asApplication()
    // @ts-expect-error The declaration has no presence.
    expect(() => plain('a').count(new InMemoryChannelLayer())).toBeTypeOf('function')
  })
})
