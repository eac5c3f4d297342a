import * as v from 'valibot'
import { InMemoryChannelLayer, type ChannelLayer } from 'tideway'
import { defineGroup, volatile, type EventSchemas, type GroupFamily } from 'tideway/live'
import type { StandardSchema } from 'tideway/worker'
import { describe, expect, it, onTestFinished } from 'vitest'
import { z } from 'zod'

const room = defineGroup('room', {
  events: {
    said: z.object({ text: z.string().max(10), at: z.iso.datetime().transform((text) => text.slice(0, 10)) }),
    typing: volatile(v.object({ user: v.string() })),
    'person.left': v.pipe(v.string(), v.minLength(1)),
  },
  history: { size: 50, ttlMs: 60_000 },
})
const said = (text: string): { text: string; at: string } => ({ text, at: '2026-11-29T10:00:00Z' })

function memoryLayer(): InMemoryChannelLayer {
  const layer = new InMemoryChannelLayer()
  onTestFinished(() => layer.close())
  return layer
}

describe('a group of defineGroup()', () => {
  it('has a name of the declaration and its id', () => {
    const ids = ['lobby', 7, 'café & co', 'a.b', ' ', 'x'.repeat(256)]
    const names = ids.map((id) => room(id).name)
    expect(names.slice(0, 4)).toEqual(['room.lobby', 'room.7', 'room.caf_c3_a9_20_26_20co', 'room.a_2eb'])
    expect(new Set(names).size).toBe(ids.length)
    expect(room('lobby').name).toBe(names[0])
  })

  it.each([
    ['', ''],
    ['a text over 256 characters', 'x'.repeat(257)],
    ['half a number', 0.5],
    ['null', null],
    ['an object', {}],
  ])('rejects %s as an id', (_what, id) => {
    expect(() => room(id as string)).toThrow(expect.objectContaining({ code: 'ERR_BAD_NAME' }))
  })

  it('publishes the output of the schema, and has it in its history with its position', async () => {
    const layer = memoryLayer()
    const lobby = room('lobby')
    const first = await lobby.publish(layer, 'said', said('hello'), { id: 'a' })
    const second = await lobby.publish(layer, 'person.left', 'ann')
    await room('other').publish(layer, 'said', said('elsewhere'))
    expect(first).toEqual({ position: expect.stringMatching(/^[\w-]+:1$/) as string, duplicate: false })
    expect(await lobby.history(layer)).toEqual([
      { name: 'said', data: { text: 'hello', at: '2026-11-29' }, position: first.position, id: 'a' },
      { name: 'person.left', data: 'ann', position: second.position, id: undefined },
    ])
    expect(await lobby.history(layer, { last: 1 })).toHaveLength(1)
  })

  it('publishes an event with the same id once', async () => {
    const layer = memoryLayer()
    const first = await room('lobby').publish(layer, 'said', said('hello'), { id: 'order-1' })
    const again = await room('lobby').publish(layer, 'said', said('hello'), { id: 'order-1' })
    expect(again).toEqual({ position: first.position, duplicate: true })
    expect(await room('lobby').history(layer)).toHaveLength(1)
  })

  it('sends a volatile event without a position, and does not keep it', async () => {
    const layer = memoryLayer()
    expect(await room('lobby').publish(layer, 'typing', { user: 'ann' })).toBeUndefined()
    expect(await room('lobby').history(layer)).toEqual([])
  })

  it('keeps as many events as its declaration says', async () => {
    const layer = memoryLayer()
    const small = defineGroup('small', { events: { n: z.number() }, history: { size: 3 } })
    for (let i = 1; i <= 500; i++) await small('a').publish(layer, 'n', i)
    const kept = await small('a').history(layer, { last: 1000 })
    expect(kept.at(-1)?.data).toBe(500)
    expect(kept.length).toBeGreaterThanOrEqual(3)
    expect(kept.length).toBeLessThanOrEqual(2 * 3 + 100)
  })

  it('leaves events out of its history that the declaration does not have', async () => {
    const layer = memoryLayer()
    const newer = defineGroup('room', { events: { moved: z.string() } })
    await newer('lobby').publish(layer, 'moved', 'away')
    await layer.keptGroups.publish('room.lobby', 'not an event')
    await room('lobby').publish(layer, 'person.left', 'ann')
    expect((await room('lobby').history(layer)).map(({ name }) => name)).toEqual(['person.left'])
  })
})

describe('publish() of a group', () => {
  /** The error of a call on a layer whose kept groups must not be used. */
  async function errorOf<Events extends EventSchemas>(
    family: GroupFamily<Events>,
    name: string,
    data: unknown,
  ): Promise<unknown> {
    const layer = memoryLayer()
    let touched = false
    const touch = (): Promise<never> => {
      touched = true
      return Promise.reject(new Error('touched'))
    }
    layer.keptGroups.publish = touch
    layer.keptGroups.publishVolatile = touch
    const lobby = family('lobby') as unknown as { publish(...args: readonly unknown[]): Promise<unknown> }
    const error = await lobby.publish(layer, name, data).catch((thrown: unknown) => thrown)
    expect(touched).toBe(false)
    return error
  }

  it.each([
    [
      'data that the schema refuses',
      'said',
      { text: 'x'.repeat(11), at: 'now' },
      /"said" of the group "room\.lobby" is refused: text: .*; at: /,
    ],
    ['data of a volatile event that the schema refuses', 'typing', { user: 1 }, /user: Invalid type/],
    ['an event that is not declared', 'siad', {}, /no such event/],
    ['an event with the name of a property of objects', 'toString', {}, /no such event/],
  ])('rejects %s before the log is touched', async (_what, name, data, message) => {
    expect(await errorOf(room, name, data)).toMatchObject({
      code: 'ERR_BAD_EVENT',
      message: expect.stringMatching(message) as string,
    })
  })

  it('rejects data that an async schema refuses, and a throwing schema', async () => {
    const slow = defineGroup('slow', {
      events: {
        said: v.pipeAsync(
          v.string(),
          v.checkAsync(() => Promise.resolve(false), 'taken'),
        ),
      },
    })
    expect(await errorOf(slow, 'said', 'a')).toMatchObject({
      code: 'ERR_BAD_EVENT',
      message: expect.stringContaining('taken') as string,
    })
    const broken = defineGroup('broken', {
      events: {
        said: z.string().refine(() => {
          throw new Error('broken schema')
        }),
      },
    })
    expect(await errorOf(broken, 'said', 'a')).toMatchObject({ message: 'broken schema' })
  })

  it('rejects an output that JSON would change', async () => {
    const dates = defineGroup('dates', { events: { at: z.date() } })
    expect(await errorOf(dates, 'at', new Date(0))).toMatchObject({
      code: 'ERR_BAD_MESSAGE',
      message:
        'The event "at" of the group "dates.lobby" is refused: data is an instance of Date, which JSON would change: pass plain data.',
    })
  })

  it('rejects with a layer that has no kept groups', async () => {
    const layer = new Proxy<ChannelLayer>(memoryLayer(), {
      get: (target, key) => (key === 'keptGroups' ? undefined : Reflect.get(target, key)),
    })
    await expect(room('lobby').publish(layer, 'person.left', 'ann')).rejects.toMatchObject({
      code: 'ERR_NO_KEPT_GROUPS',
    })
    await expect(room('lobby').history(layer)).rejects.toMatchObject({ code: 'ERR_NO_KEPT_GROUPS' })
  })

  it('keeps the order of the calls if an async schema takes longer for the first event', async () => {
    const layer = memoryLayer()
    const releases: (() => void)[] = []
    /** Validates `slow…` when the test says so, `bad…` never, and everything else at once. */
    const schema: StandardSchema<string> = {
      '~standard': {
        version: 1,
        vendor: 'test',
        validate: (value) => {
          const text = value as string
          if (text.startsWith('bad')) return { issues: [{ message: 'bad' }] }
          if (!text.startsWith('slow')) return { value: text }
          return new Promise((resolve) => releases.push(() => resolve({ value: text })))
        },
      },
    }
    const lines = defineGroup('lines', { events: { line: schema } })
    const publish = (text: string, id = 'a'): Promise<unknown> =>
      lines(id)
        .publish(layer, 'line', text)
        .catch((error: { code: string }) => error.code)
    const published = ['slow 1', 'slow 2', 'bad', 'three'].map((text) => publish(text))
    await publish('elsewhere', 'b')
    expect(await lines('a').history(layer)).toEqual([])
    for (const release of releases.toReversed()) release()
    expect((await Promise.all(published))[2]).toBe('ERR_BAD_EVENT')
    await publish('four')
    expect((await lines('a').history(layer)).map(({ data }) => data)).toEqual(['slow 1', 'slow 2', 'three', 'four'])
  })

  it('rejects an id and options out of their range', async () => {
    const layer = memoryLayer()
    for (const options of [{ id: '' }, { id: 'x'.repeat(65) }, { replicas: -1 }]) {
      await expect(room('lobby').publish(layer, 'person.left', 'ann', options)).rejects.toMatchObject({
        code: 'ERR_BAD_OPTION',
      })
    }
    await room('lobby').publish(layer, 'person.left', 'ann', { id: 'x'.repeat(64) })
    expect(await room('lobby').history(layer)).toHaveLength(1)
  })
})

describe('defineGroup()', () => {
  const events = { said: z.string() }

  it.each(['', '1room', 'a.b', 'a b', 'x'.repeat(33), undefined])('rejects the name %j', (name) => {
    expect(() => defineGroup(name as string, { events })).toThrow(expect.objectContaining({ code: 'ERR_BAD_NAME' }))
  })

  it.each([
    ['an event without a schema', { said: {} }, /"said" needs a Standard Schema/],
    [
      'an event whose name no method can have',
      { _said: z.string() },
      /no handler can have the name of the event "_said"/,
    ],
    [
      'an event whose handler is that of resets',
      { Reset: z.string() },
      /onReset\(\) is also the handler of the reset of a follower/,
    ],
    ...['joined', 'left', 'presence', 'recovered', 'reset', 'snapshot', 'state', 'value'].map(
      (name): [string, object, RegExp] => [
        `an event "${name}", a name of the client`,
        { [name]: z.string() },
        new RegExp(`on\\('${name}'\\) of the client is not an event`),
      ],
    ),
    [
      'two events with one handler',
      { 'a.b': z.string(), a_b: z.string() },
      /onAB\(\) is also the handler of the event "a\.b"/,
    ],
  ])('rejects %s', (_what, wrong, message) => {
    expect(() => defineGroup('room', { events: wrong as typeof events })).toThrow(
      expect.objectContaining({ code: 'ERR_BAD_OPTION', message: expect.stringMatching(message) as string }),
    )
  })

  it.each([{ size: 0 }, { size: 10_001 }, { size: 1.5 }, { ttlMs: 0 }])('rejects the history %j', (history) => {
    expect(() => defineGroup('room', { events, history })).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })

  it('fills in the history', () => {
    expect(defineGroup('room', { events }).history).toEqual({ size: 100, ttlMs: 300_000 })
    expect(defineGroup('room', { events, history: { size: 10_000 } }).history).toEqual({ size: 10_000, ttlMs: 300_000 })
  })
})
