import { InMemoryChannelLayer } from 'tideway'
import { LiveConsumer, request, RequestError } from 'tideway/live'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'
import { gate, type Gate } from '../consumer/ending.ts'
import { patiently } from '../../../../test/setup/patiently.ts'
import { LiveTest, type LiveClient } from './live-client.ts'
import { Chat, room } from './room.ts'

/** Counts what it handles, and waits for a gate. */
class Counting extends LiveConsumer<{}, {}> {
  static calls: unknown[] = []
  static wait: Gate = gate()

  count = request(z.unknown(), (input) => Counting.calls.push(input))
  wait = request(z.unknown(), async () => {
    const call = Counting.calls.push('wait')
    await Counting.wait.opened
    return call
  })
  untilEnd = request(z.unknown(), async (_input, { signal }) => {
    const call = Counting.calls.push('untilEnd')
    if (call === 1)
      await new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)))
    return call
  })
  refusedAtEnd = request(z.unknown(), async (_input, { signal }) => {
    const call = Counting.calls.push('refusedAtEnd')
    if (call > 1) return call
    await new Promise((resolve) => signal.addEventListener('abort', resolve))
    throw new RequestError('forbidden', 'The joins have ended with the connection.')
  })
  busy = request(z.string(), (code) => {
    const call = Counting.calls.push('busy')
    if (call === 1) throw new RequestError(code, 'Try again.')
    return call
  })
  large = request(z.number(), (length) => {
    Counting.calls.push('large')
    return 'x'.repeat(length)
  })
}
const counting = Counting.asApplication()

function start(): LiveTest {
  Counting.calls = []
  Counting.wait = gate()
  return new LiveTest()
}

/** Lets the answers be kept that were sent. */
async function kept(client: LiveClient): Promise<void> {
  await client.nothing()
}

describe('a repeated request', () => {
  it('is answered with the first answer on another connection, and is not handled', async () => {
    const test = start()
    const first = await test.connect(counting)
    expect(await first.request('count', 'a', 'id')).toEqual({ t: 'answer', id: 'id', ok: 1 })
    const second = await test.connect(counting)
    expect(await second.request('count', 'b', 'id')).toEqual({ t: 'answer', id: 'id', ok: 1 })
    expect(await second.request('count', 'c', 'other')).toEqual({ t: 'answer', id: 'other', ok: 2 })
    expect(Counting.calls).toEqual(['a', 'c'])
  })

  it('is answered with the first error', async () => {
    const test = start()
    const first = await test.connect(Chat.asApplication())
    const answer = await first.request('refuse', undefined, 'id')
    expect(answer).toEqual({ t: 'answer', id: 'id', error: { code: 'room_full', message: 'The room is full.' } })
    expect(await (await test.connect(Chat.asApplication())).request('echo', 1, 'id')).toEqual(answer)
  })

  it('waits while the first one runs', async () => {
    const test = start()
    const first = await test.connect(counting)
    const second = await test.connect(counting)
    first.send({ t: 'request', id: 'id', m: 'wait' })
    await patiently(() => expect(Counting.calls).toEqual(['wait']))
    second.send({ t: 'request', id: 'id', m: 'wait' })
    expect(await second.nothing()).toEqual({ t: 'pong' })
    Counting.wait.open()
    expect(await second.next()).toEqual({ t: 'answer', id: 'id', ok: 1 })
    expect(Counting.calls).toEqual(['wait'])
  })

  it('waits while the first one runs whose connection has ended', async () => {
    const test = start()
    const first = await test.connect(counting)
    first.send({ t: 'request', id: 'id', m: 'wait' })
    await patiently(() => expect(Counting.calls).toEqual(['wait']))
    const ended = first.communicator.disconnect()
    const second = await test.connect(counting)
    second.send({ t: 'request', id: 'id', m: 'wait' })
    Counting.wait.open()
    await ended
    expect(await second.next()).toEqual({ t: 'answer', id: 'id', ok: 1 })
  })

  it.each(['untilEnd', 'refusedAtEnd'])('is handled if the first one ended with its connection: %s', async (m) => {
    const test = start()
    const first = await test.connect(counting)
    first.send({ t: 'request', id: 'id', m })
    await patiently(() => expect(Counting.calls).toHaveLength(1))
    await first.communicator.disconnect()
    const second = await test.connect(counting)
    second.send({ t: 'request', id: 'id', m })
    expect(await second.next()).toEqual({ t: 'answer', id: 'id', ok: 2 })
  })

  it('is handled after the claim of a killed process has expired', async () => {
    const test = start()
    const { keptGroups } = test.layer
    const claim = keptGroups.claim.bind(keptGroups)
    let isAlive = true
    // A process that was killed after its claim, until the claim expires.
    keptGroups.claim = async (key, owner) => (isAlive ? { status: 'taken' } : claim(key, owner))
    const client = await test.connect(counting)
    client.send({ t: 'request', id: 'id', m: 'count' })
    expect(await client.nothing()).toEqual({ t: 'pong' })
    expect(Counting.calls).toEqual([])
    isAlive = false
    expect(await client.next()).toEqual({ t: 'answer', id: 'id', ok: 1 })
  })

  it.each(['unavailable', 'rate_limited'])('is handled if the first answer was %s', async (code) => {
    const client = await start().connect(counting)
    expect(await client.request('busy', code, 'id')).toMatchObject({ error: { code } })
    await patiently(async () => expect(await client.request('busy', code, 'id')).toMatchObject({ ok: 2 }))
  })

  it('gets unavailable if the first one runs longer than repeatTimeoutMs', async () => {
    class Impatient extends Counting {
      static override repeatTimeoutMs = 1
    }
    const test = start()
    const first = await test.connect(Impatient.asApplication())
    const second = await test.connect(Impatient.asApplication())
    first.send({ t: 'request', id: 'id', m: 'wait' })
    await patiently(() => expect(Counting.calls).toEqual(['wait']))
    expect(await second.request('wait', undefined, 'id')).toMatchObject({ error: { code: 'unavailable' } })
    Counting.wait.open()
    expect(await first.next()).toMatchObject({ ok: 1 })
  })

  it('gets too_large if the first answer is over the size of an event, and is not handled', async () => {
    const test = start()
    const client = await test.connect(counting)
    const most = 65_536 - '{"ok":""}'.length
    for (const length of [most, most + 1]) {
      expect((await client.request('large', length, `${length}`))['ok']).toHaveLength(length)
    }
    await kept(client)
    expect((await client.request('large', 1, `${most}`))['ok']).toHaveLength(most)
    expect(await client.request('large', 1, `${most + 1}`)).toMatchObject({ error: { code: 'too_large' } })
    expect(Counting.calls).toHaveLength(2)
  })

  it('is another request for another user and for another class', async () => {
    class Other extends Counting {}
    const test = start()
    const user = (id: number): object => ({ user: { id, username: 'u', isAuthenticated: true } })
    const answers: unknown[] = []
    for (const [application, scope] of [
      [counting, user(1)],
      [counting, user(2)],
      [counting, {}],
      [Other.asApplication(), user(1)],
      [counting, user(1)],
    ] as const) {
      answers.push((await (await test.connect(application, scope)).request('count', 0, 'id'))['ok'])
    }
    expect(answers).toEqual([1, 2, 3, 4, 1])
  })

  it('gets unavailable if the layer cannot be reached, and is not handled', async () => {
    const test = start()
    const client = await test.connect(counting)
    await test.layer.keptGroups.close()
    expect(await client.request('count')).toMatchObject({ error: { code: 'unavailable' } })
    expect([Counting.calls, test.logger.complaints]).toEqual([[], []])
  })

  it('is handled again with a layer that has no kept groups', async () => {
    const test = start()
    const layer = new InMemoryChannelLayer()
    onTestFinished(() => layer.close())
    const without = new Proxy(layer, {
      get: (target, key) => (key === 'keptGroups' ? undefined : (Reflect.get(target, key) as unknown)),
    })
    const client = await test.connect(counting, { channelLayers: { default: without } })
    expect((await client.request('count', 0, 'id'))['ok']).toBe(1)
    expect((await client.request('count', 0, 'id'))['ok']).toBe(2)
  })
})

describe('the events of a request', () => {
  it('have ids that are derived from its id, so that the request can be handled twice', async () => {
    class Pairs extends Chat {
      pair = request(z.undefined(), async () => {
        await this.publish(room('lobby'), 'said', { text: 'first' })
        await this.publish(room('lobby'), 'said', { text: 'own' }, { id: 'own' })
        await this.publish(room('lobby'), 'typing', { user: 'ann' })
        await this.publish(room('lobby'), 'said', { text: 'second' })
      })
    }
    const test = start()
    const long = 'x'.repeat(64)
    for (const id of ['short', long]) {
      for (let time = 0; time < 2; time++) {
        const client = await test.connect(Pairs.asApplication())
        await client.join('room.lobby')
        // As if the answer had been lost with the process.
        test.layer.keptGroups.claim = () => Promise.resolve({ status: 'claimed' })
        client.send({ t: 'request', id, m: 'pair' })
        await patiently(async () => expect((await client.next())['t']).toBe('answer'))
      }
    }
    const ids = (await room('lobby').history(test.layer, { last: 100 })).map(({ id }) => id)
    expect(ids).toEqual(['short:1', 'own', 'short:3', `${long}:1`, `${long}:3`])
  })

  it('are those of another user with the same id, so that no client can use up the id of another one', async () => {
    const test = start()
    const texts: string[] = []
    for (const id of [1, 2, 2]) {
      const user = { id, username: 'u', isAuthenticated: true }
      const client = await test.connect(Chat.asApplication(), { user })
      await client.join('room.lobby')
      client.send({ t: 'request', id: 'same', m: 'say', d: { room: 'lobby', text: `user ${id}` } })
      await patiently(async () => expect((await client.next())['t']).toBe('answer'))
    }
    for (const { data } of await room('lobby').history(test.layer)) texts.push(data.text)
    expect(texts).toEqual(['user 1', 'user 2'])
  })

  it('have no id outside of a request with an id', async () => {
    const test = start()
    const client = await test.connect(Chat.asApplication())
    await client.join('room.lobby')
    client.send({ t: 'request', m: 'say', d: { room: 'lobby', text: 'a' } })
    expect(await client.next()).not.toHaveProperty('id')
  })
})
