import { request } from 'tideway/live'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { patiently } from '../../../../test/setup/patiently.ts'
import { LiveTest, offsetOf } from './live-client.ts'
import { Chat, room } from './room.ts'

const chat = Chat.asApplication()

describe('a live consumer', () => {
  it('answers hello, joins a group, and sends its events with their positions', async () => {
    const test = new LiveTest()
    const client = await test.open(chat)
    client.send({ t: 'hello', v: 1, groups: { 'room.lobby': {} } })
    const [hi, joined] = await client.take(2)
    expect(hi).toEqual({ t: 'hi', v: 1, max: { groups: 100, requests: 100 } })
    expect(joined).toEqual({ t: 'joined', g: 'room.lobby', at: joined!['top'], top: joined!['top'], recovered: false })
    expect(offsetOf(joined!)).toBe(0)
    await room('lobby').publish(test.layer, 'said', { text: 'hello' }, { id: 'a' })
    await room('lobby').publish(test.layer, 'typing', { user: 'ann' })
    expect(await client.take(2)).toEqual([
      { g: 'room.lobby', at: `${(joined!['at'] as string).split(':')[0]}:1`, e: 'said', d: { text: 'hello' }, id: 'a' },
      { g: 'room.lobby', e: 'typing', d: { user: 'ann' } },
    ])
  })

  it('resumes a group from a position without a hole', async () => {
    const test = new LiveTest()
    const { position } = await room('lobby').publish(test.layer, 'said', { text: '1' })
    for (const text of ['2', '3']) await room('lobby').publish(test.layer, 'said', { text })
    const client = await test.connect(chat)
    const joined = await client.join('room.lobby', { since: position })
    expect(joined).toMatchObject({ t: 'joined', at: position, recovered: true })
    expect((await client.take(2)).map(({ d }) => d)).toEqual([{ text: '2' }, { text: '3' }])
    expect(await client.nothing()).toEqual({ t: 'pong' })
  })

  it('answers a request with the result of its handler, and sends what it publishes', async () => {
    const test = new LiveTest()
    const client = await test.connect(chat)
    await client.join('room.lobby')
    client.send({ t: 'request', id: 'c-1', m: 'say', d: { room: 'lobby', text: 'hello' } })
    const frames = await client.take(2)
    const event = frames.find(({ g }) => g !== undefined)!
    expect(event).toMatchObject({ e: 'said', d: { text: 'hello' }, id: 'c-1:1' })
    expect(frames.find(({ t }) => t === 'answer')).toEqual({
      t: 'answer',
      id: 'c-1',
      ok: { position: event['at'], duplicate: false },
    })
  })

  it('handles the requests of a client one after another, except concurrent ones', async () => {
    const ends = new Map<string, () => void>()
    const wait = (name: string): Promise<string> => new Promise((resolve) => ends.set(name, () => resolve(name)))
    class Waiting extends Chat {
      first = request(z.undefined(), () => wait('first'))
      second = request(z.undefined(), () => wait('second'))
      beside = request(z.undefined(), () => wait('beside'), { concurrent: true })
    }
    const client = await new LiveTest().connect(Waiting.asApplication())
    for (const m of ['first', 'second', 'beside']) client.send({ t: 'request', id: m, m })
    await patiently(() => expect([...ends.keys()]).toEqual(['first', 'beside']))
    ends.get('beside')!()
    expect(await client.next()).toEqual({ t: 'answer', id: 'beside', ok: 'beside' })
    ends.get('first')!()
    expect(await client.next()).toEqual({ t: 'answer', id: 'first', ok: 'first' })
    expect(await client.nothing()).toEqual({ t: 'pong' })
    ends.get('second')!()
    expect(await client.next()).toEqual({ t: 'answer', id: 'second', ok: 'second' })
  })

  it('handles the next request of a client after one that has failed', async () => {
    const test = new LiveTest()
    const client = await test.connect(chat)
    client.send({ t: 'request', id: 'c-1', m: 'crash' })
    client.send({ t: 'request', id: 'c-2', m: 'echo', d: 1 })
    expect(await client.next()).toMatchObject({ id: 'c-1', error: { code: 'failed' } })
    expect(await client.next()).toEqual({ t: 'answer', id: 'c-2', ok: 1 })
  })

  it('tells its handlers which groups the connection has joined, after a join that is opening', async () => {
    let allow!: (isAllowed: boolean) => void
    const allowed = new Promise<boolean>((resolve) => (allow = resolve))
    class Asking extends Chat {
      override authorize(): Promise<boolean> {
        return allowed
      }

      isIn = request(z.string(), (id) => this.hasJoined(room(id)))
    }
    const client = await new LiveTest().connect(Asking.asApplication())
    client.send({ t: 'join', g: 'room.lobby' })
    client.send({ t: 'request', id: 'c-1', m: 'isIn', d: 'other' })
    client.send({ t: 'request', id: 'c-2', m: 'isIn', d: 'lobby' })
    expect(await client.next()).toEqual({ t: 'answer', id: 'c-1', ok: false })
    allow(true)
    expect(await client.next()).toMatchObject({ t: 'joined' })
    expect(await client.next()).toEqual({ t: 'answer', id: 'c-2', ok: true })
    client.send({ t: 'leave', g: 'room.lobby' })
    client.send({ t: 'request', id: 'c-3', m: 'isIn', d: 'lobby' })
    expect(await client.next()).toEqual({ t: 'left', g: 'room.lobby' })
    expect(await client.next()).toEqual({ t: 'answer', id: 'c-3', ok: false })
  })

  it('leaves a group, and sends no event of it after `left`', async () => {
    const test = new LiveTest()
    const client = await test.connect(chat)
    await client.join('room.lobby')
    expect(test.followers).toBe(1)
    client.send({ t: 'leave', g: 'room.lobby' })
    expect(await client.next()).toEqual({ t: 'left', g: 'room.lobby' })
    await room('lobby').publish(test.layer, 'said', { text: 'hello' })
    expect(await client.nothing()).toEqual({ t: 'pong' })
    expect(test.followers).toBe(0)
  })
})
