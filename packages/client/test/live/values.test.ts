import { valueStore, type LiveClient, type LiveState } from '@tideway/client/live'
import { describe, expect, expectTypeOf, it } from 'vitest'
import { virtualLive, type VirtualLive } from './virtual-live.ts'

interface Dashboard {
  readonly groups: {
    readonly prices: {
      readonly state: { readonly '~standard': { readonly types?: { input: string; output: number } } }
    }
  }
  readonly prototype: object
}

async function virtualPrices(): Promise<VirtualLive & { readonly dashboard: LiveClient<Dashboard> }> {
  const virtual = await virtualLive()
  return { ...virtual, dashboard: virtual.client as unknown as LiveClient<Dashboard> }
}

function heardBy(group: LiveState<number>): string[] {
  const heard: string[] = []
  group.on('value', (value, key) => heard.push(`${key} ${value} of ${group.values.get(key)}`))
  group.on('reset', ({ why }) => heard.push(`reset ${why}`))
  group.on('joined', () => heard.push(`joined with ${group.values.size}`))
  return heard
}

const joined = (at: string, more: object = {}): object => ({
  t: 'joined',
  g: 'prices.eur',
  at,
  top: at,
  recovered: false,
  ...more,
})
const change = (at: string, k: string, d?: number): object => ({
  g: 'prices.eur',
  at,
  k,
  ...(d === undefined ? { x: 1 } : { d }),
})

describe('A joined group with values', () => {
  it('has the values of joined, and passes each change with its key', async () => {
    const { dashboard, greet } = await virtualPrices()
    const group = dashboard.join('prices', 'eur')
    const heard = heardBy(group)
    const socket = await greet()
    socket.receive(joined('a:3', { values: { EURUSD: 1, EURJPY: 2 } }))
    expect([group.state, group.position]).toEqual(['live', 'a:3'])
    socket.receive(change('a:4', 'EURUSD', 5))
    socket.receive(change('a:5', 'EURJPY'))
    expect([...group.values]).toEqual([['EURUSD', 5]])
    expect(heard).toEqual([
      'EURUSD 1 of 1',
      'EURJPY 2 of 2',
      'joined with 2',
      'EURUSD 5 of 5',
      'EURJPY undefined of undefined',
    ])
    expectTypeOf(group.values).toEqualTypeOf<ReadonlyMap<string, number>>()
  })

  it('applies a change after a hole, and ignores one at its position or before it', async () => {
    const { dashboard, client, greet } = await virtualPrices()
    const group = dashboard.join('prices', 'eur')
    const socket = await greet()
    socket.receive(joined('a:3', { values: { EURUSD: 1 } }))
    socket.receive(change('a:900', 'EURUSD', 2))
    socket.receive(change('a:900', 'EURUSD', 3))
    socket.receive(change('a:899', 'EURUSD', 4))
    expect([group.values.get('EURUSD'), group.position, client.gaps]).toEqual([2, 'a:900', 0])
  })

  it('resumes from the position of its values, and is live at top', async () => {
    const { dashboard, greet, reconnect } = await virtualPrices()
    const group = dashboard.join('prices', 'eur')
    const first = await greet()
    first.receive(joined('a:3', { values: { EURUSD: 1, EURJPY: 2 } }))
    const second = await reconnect()
    expect(second.messages[0]).toEqual({ t: 'hello', v: 1, groups: { 'prices.eur': { since: 'a:3' } } })
    second.receive(joined('a:3', { recovered: true, top: 'a:90' }))
    second.receive(change('a:80', 'EURUSD', 7))
    expect(group.state).toBe('replaying')
    second.receive(change('a:90', 'EURJPY'))
    expect([group.state, [...group.values]]).toEqual(['live', [['EURUSD', 7]]])
  })

  it('replaces its values at a reset and at a join that does not continue them', async () => {
    const { dashboard, greet, reconnect } = await virtualPrices()
    const group = dashboard.join('prices', 'eur')
    const socket = await greet()
    socket.receive(joined('a:3', { values: { a: 1, b: 2 } }))
    const heard = heardBy(group)
    socket.receive({ t: 'reset', g: 'prices.eur', why: 'epoch', at: 'b:1', values: { b: 3 } })
    expect([group.position, [...group.values]]).toEqual(['b:1', [['b', 3]]])
    expect(heard).toEqual(['reset epoch', 'a undefined of undefined', 'b 3 of 3'])
    const next = await reconnect()
    next.receive(joined('c:2', { why: 'epoch', values: { c: 4 } }))
    expect([...group.values]).toEqual([['c', 4]])
  })

  it('passes its values to a later caller', async () => {
    const { dashboard, greet, pass } = await virtualPrices()
    const first = dashboard.join('prices', 'eur')
    const socket = await greet()
    socket.receive(joined('a:3', { values: { a: 1 } }))
    const second = dashboard.join('prices', 'eur')
    const heard = heardBy(second)
    await pass(0)
    expect(heard).toEqual(['a 1 of 1', 'joined with 1'])
    first.leave()
    socket.receive(change('a:4', 'b', 2))
    expect(heard.at(-1)).toBe('b 2 of 2')
  })
})

describe('A store of values', () => {
  it('calls its listener once for the changes of one task, with another map', async () => {
    const { dashboard, greet, pass } = await virtualPrices()
    const store = valueStore(dashboard, 'prices', 'eur')
    const views: string[] = []
    const maps = new Set<unknown>()
    const unsubscribe = store.subscribe(({ state, values }) => {
      views.push(`${state} ${[...values].join(' ')}`)
      maps.add(values)
    })
    const socket = await greet()
    socket.receive(joined('a:3', { values: { a: 1, b: 2 } }))
    await pass(0)
    socket.receive(change('a:4', 'a', 5))
    socket.receive(change('a:5', 'b'))
    await pass(0)
    expect(views).toEqual(['joining ', 'live a,1 b,2', 'live a,5'])
    expect(maps.size).toBe(3)
    unsubscribe()
    await pass(0)
    expect(socket.messages.at(-1)).toEqual({ t: 'leave', g: 'prices.eur' })
  })
})
