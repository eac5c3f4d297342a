import { groupStore, type GroupView } from '@tideway/client/live'
import { describe, expect, it } from 'vitest'
import { joined, said, virtualLive } from './virtual-live.ts'

const offsets = ({ events }: GroupView<{ readonly position: string | undefined }>): unknown[] =>
  events.map(({ position }) => position)

describe('The store of a group', () => {
  it('joins with its first subscriber and leaves with its last one', async () => {
    const { client, greet, pass } = await virtualLive()
    const store = groupStore(client, 'room', 'lobby')
    const socket = await greet()
    const off = [store.subscribe(() => {}), store.subscribe(() => {})]
    await pass(0)
    expect(socket.messages.slice(1)).toEqual([{ t: 'join', g: 'room.lobby', last: 50 }])
    off[0]?.()
    off[0]?.()
    await pass(0)
    expect(socket.messages.length).toBe(2)
    off[1]?.()
    await pass(0)
    expect(socket.messages.slice(2)).toEqual([{ t: 'leave', g: 'room.lobby' }])
  })

  it('calls a subscriber now and at each change with another object, and once for a replay', async () => {
    const { client, greet } = await virtualLive()
    const store = groupStore(client, 'room', 'lobby')
    const seen: string[] = []
    const values = new Set<unknown>()
    store.subscribe((value) => {
      expect(store.get()).toBe(value)
      values.add(value)
      seen.push(`${value.state} ${offsets(value).join(' ')}`)
    })
    expect(seen).toEqual(['joining '])
    const socket = await greet()
    socket.receive(joined('a:0', 'a:3'))
    for (const offset of [1, 2, 3, 4]) socket.receive(said(offset))
    expect(seen).toEqual(['joining ', 'live a:1 a:2 a:3', 'live a:1 a:2 a:3 a:4'])
    expect(values.size).toBe(3)
  })

  it('has at most maxEvents events, without volatile ones, and onEvent gets all', async () => {
    const { client, greet } = await virtualLive()
    const names: string[] = []
    const store = groupStore(client, 'room', 'lobby', { maxEvents: 2, onEvent: ({ name }) => names.push(name) })
    store.subscribe(() => {})
    const socket = await greet()
    socket.receive(joined('a:0'))
    for (const offset of [1, 2, 3]) socket.receive(said(offset))
    socket.receive({ g: 'room.lobby', e: 'typing', d: {} })
    expect([offsets(store.get()), names]).toEqual([
      ['a:2', 'a:3'],
      ['said', 'said', 'said', 'typing'],
    ])
  })

  it('keeps its events through a reconnect, and has only those after a reset, with the snapshot', async () => {
    const { client, greet, reconnect } = await virtualLive()
    const store = groupStore(client, 'room', 'lobby')
    store.subscribe(() => {})
    const socket = await greet()
    socket.receive(joined('a:0', 'a:0', { snapshot: 1 }))
    socket.receive(said(1))
    const second = await reconnect()
    expect(store.get()).toMatchObject({ state: 'joining', snapshot: 1 })
    second.receive(joined('a:1', 'a:2', { recovered: true }))
    second.receive(said(2))
    expect(offsets(store.get())).toEqual(['a:1', 'a:2'])
    second.receive({ t: 'reset', g: 'room.lobby', why: 'trimmed', at: 'a:8', snapshot: 2 })
    second.receive(said(9))
    expect([offsets(store.get()), store.get().snapshot, store.get().state]).toEqual([['a:9'], 2, 'live'])
  })

  it('has the reason of a refused join', async () => {
    const { client, greet } = await virtualLive()
    const store = groupStore(client, 'room', 'lobby')
    store.subscribe(() => {})
    ;(await greet()).receive({ t: 'left', g: 'room.lobby', code: 'forbidden', message: 'no' })
    expect(store.get()).toMatchObject({ state: 'left', left: { code: 'forbidden', message: 'no' } })
  })

  it('has the newest kept events at once if another caller has joined the group', async () => {
    const { client, greet, pass } = await virtualLive()
    client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:0'))
    socket.receive(said(1))
    const store = groupStore(client, 'room', 'lobby')
    store.subscribe(() => {})
    await pass(0)
    expect([offsets(store.get()), store.get().state, socket.messages.length]).toEqual([['a:1'], 'live', 1])
  })

  it('begins without old events when it is subscribed to again', async () => {
    const { client, greet, pass } = await virtualLive()
    const store = groupStore(client, 'room', 'lobby')
    const socket = await greet()
    const off = store.subscribe(() => {})
    await pass(0)
    socket.receive(joined('a:0'))
    socket.receive(said(1))
    off()
    await pass(0)
    store.subscribe(() => {})
    await pass(0)
    expect(store.get().events).toEqual([])
    socket.receive({ t: 'left', g: 'room.lobby' })
    socket.receive(joined('a:0', 'a:1'))
    socket.receive(said(1))
    expect(offsets(store.get())).toEqual(['a:1'])
  })

  it('is left if the client is closed', async () => {
    const { client } = await virtualLive()
    client.close()
    const store = groupStore(client, 'room', 'lobby')
    const states: string[] = []
    store.subscribe(({ state }) => states.push(state))
    expect(states).toEqual(['left'])
  })
})
