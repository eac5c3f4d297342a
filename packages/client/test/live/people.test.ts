import type { LiveGroup, People } from '@tideway/client/live'
import { describe, expect, it } from 'vitest'
import { heardBy, joined, virtualLive } from './virtual-live.ts'

const change = (w: object): object => ({ g: 'room.lobby', w })

/** What the listeners of the people got: the map as an object, and the count. */
function seenBy(group: LiveGroup<{}>): unknown[] {
  const seen: unknown[] = []
  group.on('presence', (people: People) => seen.push([Object.fromEntries(people), people.count]))
  return seen
}

describe('The people of a group', () => {
  it('are those of the join, and change with each frame, as a new object', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const [seen, heard] = [seenBy(group), heardBy(group)]
    expect(group.people).toBeUndefined()
    const socket = await greet()
    socket.receive(joined('a:1', 'a:1', { who: { count: 1, list: { 7: { name: 'Anna' } } } }))
    const first = group.people
    socket.receive(change({ in: { 9: { name: 'Bo' } }, count: 2 }))
    socket.receive(change({ up: { 7: { name: 'Ann' } }, out: ['9', 'unknown'], count: 1 }))
    expect(seen).toEqual([
      [{ 7: { name: 'Anna' } }, 1],
      [{ 7: { name: 'Anna' }, 9: { name: 'Bo' } }, 2],
      [{ 7: { name: 'Ann' } }, 1],
    ])
    expect(first?.get('7')).toEqual({ name: 'Anna' })
    expect(heard).toHaveLength(2)
  })

  it('stay during a reconnect, and are complete after it', async () => {
    const { client, greet, reconnect } = await virtualLive()
    const group = client.join('room', 'lobby')
    const seen = seenBy(group)
    ;(await greet()).receive(joined('a:1', 'a:1', { who: { count: 2, list: { 7: 'Anna', 9: 'Bo' } } }))
    const socket = await reconnect()
    expect([group.state, group.people?.size]).toEqual(['joining', 2])
    socket.receive(joined('a:1', 'a:1', { recovered: true, who: { count: 1, list: { 8: 'Cleo' } } }))
    expect(seen.at(-1)).toEqual([{ 8: 'Cleo' }, 1])
  })

  it('are only counted in a large group', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const seen = seenBy(group)
    const socket = await greet()
    socket.receive(joined('a:1', 'a:1', { who: { count: 1000, list: { 7: 'Anna' } } }))
    socket.receive(change({ list: {}, count: 1001 }))
    socket.receive(change({ count: 1002 }))
    socket.receive(change({ list: { 7: 'Anna' }, count: 900 }))
    expect(seen).toEqual([
      [{ 7: 'Anna' }, 1000],
      [{}, 1001],
      [{}, 1002],
      [{ 7: 'Anna' }, 900],
    ])
  })

  it('are asked for as the most demanding caller asks', async () => {
    const { client, greet, pass } = await virtualLive()
    client.join('room', 'lobby', { who: false })
    const socket = await greet()
    expect(socket.messages).toEqual([{ t: 'hello', v: 1, groups: { 'room.lobby': { who: false } } }])
    socket.receive(joined('a:1'))
    const counting = seenBy(client.join('room', 'lobby', { who: 'count' }))
    await pass(0)
    socket.receive(joined('a:1', 'a:1', { recovered: true, who: { count: 3 } }))
    client.join('room', 'lobby', { who: false })
    await pass(0)
    client.join('room', 'lobby')
    await pass(0)
    client.join('room', 'lobby', { who: 'list' })
    await pass(0)
    expect(socket.messages.slice(1)).toEqual([
      { t: 'join', g: 'room.lobby', since: 'a:1', who: 'count' },
      { t: 'join', g: 'room.lobby', since: 'a:1' },
      { t: 'join', g: 'room.lobby', since: 'a:1', who: 'list' },
    ])
    expect(counting).toEqual([[{}, 3]])
  })

  it('are passed to a later caller, and end with the join', async () => {
    const { client, greet, pass } = await virtualLive()
    const first = client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:1', 'a:1', { who: { count: 1, list: { 7: 'Anna' } } }))
    const later = client.join('room', 'lobby')
    const seen = seenBy(later)
    await pass(0)
    expect(seen).toEqual([[{ 7: 'Anna' }, 1]])
    first.leave()
    expect([first.people, later.people?.count]).toEqual([undefined, 1])
    socket.receive({ t: 'left', g: 'room.lobby', code: 'forbidden', message: '' })
    expect(later.people).toBeUndefined()
  })

  it('do not exist in a group without presence', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const seen = seenBy(group)
    ;(await greet()).receive(joined('a:1'))
    expect([seen, group.people]).toEqual([[], undefined])
  })
})
