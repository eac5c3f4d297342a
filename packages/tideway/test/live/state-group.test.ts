import * as v from 'valibot'
import { InMemoryChannelLayer, type ChannelLayer } from 'tideway'
import { defineGroup, type Changed, type StateGroupOptions, type StateValue } from 'tideway/live'
import { keepDefaults } from 'tideway/layer'
import type { StandardSchema } from 'tideway/worker'
import { describe, expect, expectTypeOf, it, onTestFinished } from 'vitest'
import { z } from 'zod'

const prices = defineGroup('prices', {
  state: z.object({ bid: z.number().positive(), time: z.iso.datetime().transform((text) => text.slice(11, 16)) }),
})
const price = (bid: number): { bid: number; time: string } => ({ bid, time: '2026-11-29T10:30:00Z' })

function memoryLayer(): InMemoryChannelLayer {
  const layer = new InMemoryChannelLayer()
  onTestFinished(() => layer.close())
  return layer
}

describe('a group of defineGroup() with state', () => {
  it('has the output of the schema as the value of each key, with its version', async () => {
    const layer = memoryLayer()
    const eur = prices('eur')
    await eur.set(layer, 'EURUSD', price(1.1))
    const second = await eur.set(layer, 'EURJPY', price(180))
    const third = await eur.set(layer, 'EURUSD', price(1.2))
    await prices('usd').set(layer, 'USDJPY', price(150))
    expect(third).toEqual({ changed: true, version: expect.stringMatching(/^[\w-]+:3$/) as string })
    expect([...(await eur.values(layer))]).toEqual([
      ['EURJPY', { value: { bid: 180, time: '10:30' }, version: second.version }],
      ['EURUSD', { value: { bid: 1.2, time: '10:30' }, version: third.version }],
    ])
  })

  it('deletes a key once', async () => {
    const layer = memoryLayer()
    await prices('eur').set(layer, 'EURUSD', price(1.1))
    expect(await prices('eur').delete(layer, 'EURUSD')).toMatchObject({ changed: true })
    expect(await prices('eur').delete(layer, 'EURUSD')).toEqual({ changed: false, version: undefined })
    expect((await prices('eur').values(layer)).size).toBe(0)
  })

  it('changes a key only if it has the version of ifVersion', async () => {
    const layer = memoryLayer()
    const eur = prices('eur')
    const { version } = await eur.set(layer, 'EURUSD', price(1.1), { ifVersion: null })
    expect(await eur.set(layer, 'EURUSD', price(2), { ifVersion: null })).toEqual({ changed: false, version })
    const { version: newer } = await eur.set(layer, 'EURUSD', price(1.2), { ifVersion: version })
    expect(await eur.delete(layer, 'EURUSD', { ifVersion: version })).toEqual({ changed: false, version: newer })
    await expect(eur.set(layer, 'EURUSD', price(1), { ifVersion: '12' })).rejects.toMatchObject({
      code: 'ERR_BAD_POSITION',
    })
  })

  it('deletes a value after its ttlMs', async () => {
    const layer = memoryLayer()
    await prices('eur').set(layer, 'EURUSD', price(1.1), { ttlMs: 20 })
    await prices('eur').set(layer, 'EURJPY', price(180), { ttlMs: 600_000 })
    await expect.poll(async () => [...(await prices('eur').values(layer)).keys()]).toEqual(['EURJPY'])
  })

  it('rejects a value that its schema refuses, and one that JSON cannot represent', async () => {
    const layer = memoryLayer()
    await expect(prices('eur').set(layer, 'EURUSD', price(-1))).rejects.toMatchObject({
      code: 'ERR_BAD_EVENT',
      message: expect.stringContaining('The value of "EURUSD" in the group "prices.eur" is refused: bid:') as string,
    })
    const anything = defineGroup('anything', { state: v.any() })
    for (const value of [undefined, 1n, () => 1]) {
      await expect(anything('x').set(layer, 'a', value)).rejects.toMatchObject({ code: 'ERR_BAD_MESSAGE' })
    }
    expect((await prices('eur').values(layer)).size + (await anything('x').values(layer)).size).toBe(0)
  })

  it('keeps the order of its calls with an async schema', async () => {
    const layer = memoryLayer()
    const slowFirst = defineGroup('slow', {
      state: z.number().refine(async (number) => {
        for (let turn = 10 * (5 - number); turn > 0; turn--) await Promise.resolve()
        return true
      }),
    })
    const calls = [1, 2, 3, 4].map((number) => slowFirst('a').set(layer, 'key', number))
    const versions = (await Promise.all(calls)).map(({ version }) => version?.split(':')[1])
    expect(versions).toEqual(['1', '2', '3', '4'])
    const deleted = slowFirst('a').set(layer, 'key', 1)
    await Promise.all([deleted, slowFirst('a').delete(layer, 'key')])
    expect((await slowFirst('a').values(layer)).size).toBe(0)
  })

  it('has the bounds of its declaration', async () => {
    const layer = memoryLayer()
    const small = defineGroup('small', { state: z.string(), keep: { maxKeys: 2, maxBytes: 200 } })
    await small('a').set(layer, 'one', '1')
    await small('a').set(layer, 'two', '2')
    await expect(small('a').set(layer, 'three', '3')).rejects.toMatchObject({ code: 'ERR_GROUP_FULL' })
    await expect(small('a').set(layer, 'two', 'x'.repeat(200))).rejects.toMatchObject({ code: 'ERR_GROUP_FULL' })
    expect(small.keep).toEqual({ ...keepDefaults, maxKeys: 2, maxBytes: 200 })
    expect([prices.name, prices.keep, prices('eur').family, prices('eur').id]).toEqual([
      'prices',
      keepDefaults,
      'prices',
      'eur',
    ])
  })

  it.each([
    ['no schema', { state: {} as StandardSchema }],
    ['events too', { state: z.string(), events: {} } as StateGroupOptions<StandardSchema>],
    ['no key', { state: z.string(), keep: { maxKeys: 0 } }],
    ['too many keys', { state: z.string(), keep: { maxKeys: 10_001 } }],
    ['half a byte', { state: z.string(), keep: { maxBytes: 0.5 } }],
    ['no time', { state: z.string(), keep: { ttlMs: 0 } }],
  ] as const)('cannot be declared with %s', (_what, options) => {
    expect(() => defineGroup('bad', options)).toThrow(expect.objectContaining({ code: 'ERR_BAD_OPTION' }))
  })

  it('needs a layer with kept groups', async () => {
    const layer = {} as ChannelLayer
    for (const call of [
      prices('eur').set(layer, 'EURUSD', price(1)),
      prices('eur').delete(layer, 'EURUSD'),
      prices('eur').values(layer),
    ]) {
      await expect(call).rejects.toMatchObject({ code: 'ERR_NO_KEPT_GROUPS' })
    }
  })

  it('has the input of its schema in set(), and the output in values()', () => {
    const layer = memoryLayer()
    const calls = () => {
      expectTypeOf(prices('eur').set(layer, 'EURUSD', price(1))).toEqualTypeOf<Promise<Changed>>()
      expectTypeOf(prices('eur').values(layer)).toEqualTypeOf<
        Promise<ReadonlyMap<string, StateValue<{ bid: number; time: string }>>>
      >()
      // @ts-expect-error The value has another type.
      void prices('eur').set(layer, 'EURUSD', 1.1)
      // @ts-expect-error A group with values has no events.
      void prices('eur').publish
    }
    void calls
  })
})
