import { describe, expect, it } from 'vitest'
import type { FakeWebSocket } from '../fake-web-socket.ts'
import { heardBy, joined, said, virtualLive, type VirtualLive } from './virtual-live.ts'

const typesOf = (socket: FakeWebSocket): unknown[] => socket.messages.map((frame) => (frame as { t: string }).t)

/** A client in `room.lobby` at `a:1` whose server has sent `move`, with the next connection open. */
async function moving(virtual: VirtualLive): Promise<{
  old: FakeWebSocket
  next: FakeWebSocket
  group: ReturnType<VirtualLive['client']['join']>
}> {
  const { client, sockets, greet, pass } = virtual
  const group = client.join('room', 'lobby', { last: 5 })
  const old = await greet()
  old.receive(joined('a:1'))
  old.receive({ t: 'move', within: 8_000 })
  // Random numbers of 0.5: half of the first quarter of the time.
  await pass(999)
  expect(sockets.all.length).toBe(1)
  await pass(1)
  expect(sockets.all.length).toBe(2)
  virtual.states.length = 0
  return { old, next: sockets.last, group }
}

describe('A move', () => {
  it('opens the next connection with the positions, and closes the old one with 1000 when all groups are joined', async () => {
    const virtual = await virtualLive()
    const { old, next, group } = await moving(virtual)
    old.receive(said(2))
    await virtual.greet()
    expect(next.messages).toEqual([{ t: 'hello', v: 1, groups: { 'room.lobby': { since: 'a:2', last: 5 } } }])
    expect(old.closedWith).toBeUndefined()
    next.receive(joined('a:2', 'a:2', { recovered: true }))
    expect([old.closedWith, group.state, virtual.states, virtual.errors]).toEqual([1000, 'live', [], []])
  })

  it('passes each event once and in order, with either connection ahead, and says nothing of an interruption', async () => {
    const virtual = await virtualLive()
    const { old, next, group } = await moving(virtual)
    const request = virtual.client.request('say', 1)
    const heard = heardBy(group)
    await virtual.greet()
    for (const offset of [2, 3, 4]) old.receive(said(offset))
    next.receive(joined('a:1', 'a:4', { recovered: true }))
    next.receive(said(2))
    old.receive(said(5))
    for (const offset of [3, 4, 5, 6]) next.receive(said(offset))
    old.receive(said(6))
    old.receive(said(7))
    next.receive(said(7))
    old.receive({ g: 'room.lobby', e: 'said', d: 'volatile' })
    next.receive({ g: 'room.lobby', e: 'said', d: 'volatile' })
    old.receive({ t: 'answer', id: request.id, ok: 'done' })
    await expect(request).resolves.toBe('done')
    expect(heard.filter((one) => !one.startsWith('joined'))).toEqual([
      ...[2, 3, 4, 5, 6, 7].map((n) => `said {"n":${n}} a:${n}`),
      'said "volatile" volatile',
    ])
    expect([virtual.client.gaps, old.closedWith]).toEqual([0, 1000])
  })

  it('finishes unanswered requests on the old connection, then sends later ones on the next, in order', async () => {
    const virtual = await virtualLive()
    const { old, next } = await moving(virtual)
    const first = virtual.client.request('say', 1)
    await virtual.greet()
    next.receive(joined('a:1', 'a:1', { recovered: true }))
    const second = virtual.client.request('say', 2)
    expect([typesOf(old), typesOf(next), old.closedWith]).toEqual([['hello', 'request'], ['hello'], undefined])
    old.receive({ t: 'answer', id: first.id, ok: 'one' })
    expect([typesOf(next), old.closedWith]).toEqual([['hello', 'request'], 1000])
    next.receive({ t: 'answer', id: second.id, ok: 'two' })
    await expect(Promise.all([first, second])).resolves.toEqual(['one', 'two'])
  })

  it('repeats the requests that the old connection did not answer in time, before later ones', async () => {
    const virtual = await virtualLive()
    const { old, next } = await moving(virtual)
    const first = virtual.client.request('say', 1)
    await virtual.greet()
    next.receive(joined('a:1', 'a:1', { recovered: true }))
    const second = virtual.client.request('say', 2)
    await virtual.pass(7_000)
    expect(old.closedWith).toBe(1000)
    expect(next.messages.slice(1)).toEqual([
      { t: 'request', id: first.id, m: 'say', d: 1 },
      { t: 'request', id: second.id, m: 'say', d: 2 },
    ])
    for (const { id } of [first, second]) next.receive({ t: 'answer', id })
    await Promise.all([first, second])
  })

  it('repeats the requests of an old connection that is lost after the move', async () => {
    const virtual = await virtualLive()
    const { old, next } = await moving(virtual)
    virtual.client.request('say', 1).catch(() => {})
    await virtual.greet()
    next.receive(joined('a:1', 'a:1', { recovered: true }))
    old.end(1006)
    expect([typesOf(next), virtual.states]).toEqual([['hello', 'request'], []])
    await virtual.pass(60_000)
    expect(virtual.sockets.all.length).toBe(2)
  })

  it('waits for a group whose join is temporarily refused, and not for one that is permanently refused', async () => {
    const virtual = await virtualLive({ backoff: { baseMs: 100, capMs: 100 } })
    const { old, next, group } = await moving(virtual)
    const other = virtual.client.join('room', 'other')
    await virtual.greet()
    next.receive({ t: 'left', g: 'room.lobby', code: 'unavailable', message: '' })
    next.receive({ t: 'left', g: 'room.other', code: 'forbidden', message: '' })
    expect([group.state, other.state, old.closedWith]).toEqual(['live', 'left', undefined])
    await virtual.pass(50)
    next.receive(joined('a:1', 'a:1', { recovered: true }))
    expect(old.closedWith).toBe(1000)
  })

  it('joins and leaves on both connections, and the confirmation of the next one counts', async () => {
    const virtual = await virtualLive()
    const { old, next } = await moving(virtual)
    await virtual.greet()
    const other = virtual.client.join('room', 'other')
    await virtual.pass(0)
    expect([old, next].map((socket) => socket.messages.at(-1))).toEqual(
      ['join', 'join'].map((t) => ({ t, g: 'room.other' })),
    )
    next.receive({ ...joined('a:9'), g: 'room.other' })
    old.receive({ ...joined('a:8'), g: 'room.other' })
    expect(other.position).toBe('a:9')
    other.leave()
    await virtual.pass(0)
    expect([old, next].map((socket) => socket.messages.at(-1))).toEqual(
      ['leave', 'leave'].map((t) => ({ t, g: 'room.other' })),
    )
  })

  it('is given up after its time if the next connection failed, and the 1012 of the old one leads to the usual reconnect', async () => {
    const virtual = await virtualLive({ backoff: { baseMs: 60_000, capMs: 60_000 } })
    const { old, next, group } = await moving(virtual)
    next.end(1006)
    await virtual.pass(7_000)
    expect([virtual.sockets.all.length, old.closedWith, group.state]).toEqual([2, undefined, 'live'])
    old.receive(said(2))
    expect(group.position).toBe('a:2')
    old.end(1012, 'spread=100')
    await virtual.pass(50)
    const again = await virtual.greet()
    expect(again.messages[0]).toMatchObject({ groups: { 'room.lobby': { since: 'a:2' } } })
    expect(virtual.states).toEqual(['reconnecting', 'connecting', 'open'])
  })

  it('continues with a next connection that joins only after the time', async () => {
    const virtual = await virtualLive()
    const { old, next, group } = await moving(virtual)
    await virtual.greet()
    await virtual.pass(7_000)
    old.end(1012, 'spread=100')
    next.receive(joined('a:1', 'a:1', { recovered: true }))
    await virtual.pass(60_000)
    expect([virtual.states, group.state, virtual.sockets.all.length]).toEqual([[], 'live', 2])
  })

  it('moves again also if the old connection ends first', async () => {
    const virtual = await virtualLive()
    const { old, next } = await moving(virtual)
    await virtual.greet()
    next.receive({ t: 'move', within: 8_000 })
    old.end(1012)
    await virtual.pass(1_000)
    expect([virtual.sockets.all.length, next.closedWith, virtual.states]).toEqual([3, undefined, []])
  })

  it('gives a group back to the old connection if the next one is lost, without a gap', async () => {
    const virtual = await virtualLive()
    virtual.client.join('room', 'other')
    const { old, next, group } = await moving(virtual)
    await virtual.greet()
    next.receive(joined('a:1', 'a:1', { recovered: true }))
    next.receive(said(2))
    next.end(1006)
    expect(group.state).toBe('live')
    for (const offset of [2, 3]) old.receive(said(offset))
    expect([group.position, virtual.client.gaps, virtual.states]).toEqual(['a:3', 0, []])
  })

  it('continues with the next connection if the old one ends first, and the state does not change if it is open', async () => {
    const virtual = await virtualLive()
    const { old, next, group } = await moving(virtual)
    const request = virtual.client.request('say', 1)
    request.catch(() => {})
    await virtual.greet()
    old.end(1012)
    expect([virtual.states, virtual.client.state.status, typesOf(next)]).toEqual([[], 'open', ['hello', 'request']])
    next.receive(joined('a:1', 'a:1', { recovered: true }))
    await virtual.pass(60_000)
    expect([group.state, virtual.sockets.all.length]).toEqual(['live', 2])
  })

  it('reports the state of the next connection if the old one ends before it is open', async () => {
    const virtual = await virtualLive()
    const { old } = await moving(virtual)
    old.end(1012)
    await virtual.greet()
    expect([virtual.states, virtual.sockets.all.length]).toEqual([['connecting', 'open'], 2])
  })

  it('does not open a next connection if the old one ends before the wait is over', async () => {
    const virtual = await virtualLive()
    const old = await virtual.greet()
    old.receive({ t: 'move', within: 8_000 })
    await virtual.pass(500)
    old.end(1012, 'spread=100')
    await virtual.pass(50)
    await virtual.greet()
    await virtual.pass(10_000)
    expect(virtual.sockets.all.length).toBe(2)
  })

  it('moves a client without groups, and a second time', async () => {
    const virtual = await virtualLive()
    await virtual.greet()
    for (const count of [2, 3]) {
      const old = virtual.sockets.last
      old.receive({ t: 'move', within: 80 })
      old.receive({ t: 'move', within: 80 })
      await virtual.pass(10)
      expect(virtual.sockets.all.length).toBe(count)
      await virtual.greet()
      expect(old.closedWith).toBe(1000)
    }
  })

  it('moves again when it is complete, if the next server begins to drain during it', async () => {
    const virtual = await virtualLive()
    const { old, next } = await moving(virtual)
    const request = virtual.client.request('say', 1)
    await virtual.greet()
    next.receive({ t: 'move', within: 80 })
    next.receive(joined('a:1', 'a:1', { recovered: true }))
    await virtual.pass(10)
    expect(virtual.sockets.all.length).toBe(2)
    old.receive({ t: 'answer', id: request.id })
    await request
    await virtual.pass(10)
    expect([old.closedWith, virtual.sockets.all.length]).toEqual([1000, 3])
  })

  it('closes both connections if the client closes', async () => {
    const virtual = await virtualLive()
    const { old, next } = await moving(virtual)
    await virtual.greet()
    virtual.client.close()
    await virtual.pass(60_000)
    expect([old.closedWith, next.closedWith, virtual.states]).toEqual([1000, 1000, ['closed']])
  })

  it('closes the client with the code of stopCodes of the old connection, and the next one too', async () => {
    const virtual = await virtualLive()
    const { old, next } = await moving(virtual)
    await virtual.greet()
    old.end(4403, 'revoked')
    await virtual.pass(60_000)
    expect([next.closedWith, virtual.client.state]).toEqual([
      1000,
      { status: 'closed', why: 'stopped', code: 4403, reason: 'revoked' },
    ])
  })
})
