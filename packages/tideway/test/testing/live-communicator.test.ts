import { InMemoryChannelLayer } from 'tideway'
import { defineGroup, LiveConsumer, request, RequestError, volatile, type LiveGroup } from 'tideway/live'
import { LiveCommunicator, WebSocketCommunicator, type LiveEvent } from 'tideway/testing'
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest'
import { z } from 'zod'

const room = defineGroup('room', {
  events: {
    said: z.object({ text: z.string(), length: z.string().transform(Number) }),
    typing: volatile(z.object({ user: z.string() })),
  },
})

class Chat extends LiveConsumer {
  static override groups = { room }
  override authorize({ id }: LiveGroup) {
    return id !== 'secret'
  }
  override snapshot() {
    return { people: 1 }
  }
  say = request(z.object({ room: z.string(), length: z.string().transform(Number) }), ({ room: id, length }) =>
    this.publish(room(id), 'said', { text: this.scope.user.username, length: `${length}` }),
  )
  count = request(z.undefined(), () => 7)
  end = request(z.string(), (id) => this.leave(room(id)))
  full = request(z.undefined(), () => {
    throw new RequestError('room_full', 'The room is full.')
  })
}

async function connected(options: { readonly subprotocols?: readonly string[] } = {}) {
  const layer = new InMemoryChannelLayer()
  onTestFinished(() => layer.close())
  const user = { id: 7, username: 'ann', isAuthenticated: true }
  const socket = new WebSocketCommunicator(Chat.asApplication(), '/', {
    subprotocols: ['tideway.v1.json'],
    scope: { user, channelLayers: { default: layer } },
    ...options,
  })
  const client = new LiveCommunicator<typeof Chat>(socket)
  onTestFinished(() => client.disconnect())
  return { client, layer }
}

describe('a live communicator', () => {
  it('joins, requests, receives events and leaves, with the types of the class', async () => {
    const { client, layer } = await connected()
    await client.connect()
    const joined = await client.join('room', 'lobby', { last: 5 })
    expect(joined).toEqual({
      position: expect.stringMatching(/:0$/) as string,
      top: joined.position,
      recovered: false,
      snapshot: { people: 1 },
    })
    const published = await client.request('say', { room: 'lobby', length: '3' }, { id: 'a' })
    expectTypeOf(published.position).toEqualTypeOf<string>()
    const event = await client.nextEvent('room', 'lobby')
    expectTypeOf(event).toEqualTypeOf<LiveEvent<(typeof room)['events']>>()
    expect(event).toEqual({
      name: 'said',
      data: { text: 'ann', length: 3 },
      position: published.position,
      id: 'a:1',
    })
    expect(await client.request('say', { room: 'lobby', length: '3' }, { id: 'a' })).toEqual(published)
    await room('lobby').publish(layer, 'typing', { user: 'bob' })
    expect(await client.nextEvent('room', 'lobby')).toMatchObject({ name: 'typing', position: undefined })
    expect(await client.join('room', 'lobby', { since: published.position })).toMatchObject({ recovered: true })
    await client.leave('room', 'lobby')
    expectTypeOf(await client.request('count')).toEqualTypeOf<number>()
    const calls = () => {
      // @ts-expect-error The class has no such request.
      void client.request('shout', 'a')
      // @ts-expect-error A method is not a request.
      void client.request('authorize')
      // @ts-expect-error The input is text.
      void client.request('say', { room: 'lobby', length: 3 })
      // @ts-expect-error The class has no such groups.
      void client.join('board', 'a')
    }
    void calls
  })

  it('takes the answers of calls that run at the same time', async () => {
    const { client } = await connected()
    await client.connect()
    const [a, b, count] = await Promise.all([
      client.join('room', 'a'),
      client.join('room', 'b'),
      client.request('count'),
    ])
    expect([a.recovered, b.recovered, count]).toEqual([false, false, 7])
  })

  it('rejects with the code of a refused join and of a failed request', async () => {
    const { client } = await connected()
    await client.connect()
    await expect(client.join('room', 'secret')).rejects.toMatchObject({ name: 'RequestError', code: 'forbidden' })
    await expect(client.request('full')).rejects.toMatchObject({ code: 'room_full', message: 'The room is full.' })
  })

  it('waits for a reset, and for the end of a join by the server', async () => {
    const { client, layer } = await connected()
    await client.connect()
    await client.join('room', 'lobby')
    await layer.flush()
    expect(await client.nextReset('room', 'lobby')).toMatchObject({ why: 'epoch', snapshot: { people: 1 } })
    await client.request('end', 'lobby')
    expect(await client.removed('room', 'lobby')).toBe('forbidden')
  })

  it('rejects with what it expected and what it has got instead', async () => {
    const { client, layer } = await connected()
    await client.connect()
    await client.join('room', 'a')
    await client.join('room', 'b')
    await room('b').publish(layer, 'typing', { user: 'bob' })
    await expect(client.nextEvent('room', 'a')).rejects.toMatchObject({
      code: 'ERR_TEST_TIMEOUT',
      message: expect.stringMatching(
        /Expected an event of room\.a\. Frames that no call took: \{"g":"room\.b"/,
      ) as string,
    })
  })

  it('rejects if the handshake is rejected', async () => {
    const { client } = await connected({ subprotocols: [] })
    await expect(client.connect()).rejects.toMatchObject({
      code: 'ERR_TEST_EXPECTATION',
      message: expect.stringContaining('but got 403 This path speaks') as string,
    })
  })
})
