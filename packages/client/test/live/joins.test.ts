import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { heardBy, joined, said, virtualLive } from './virtual-live.ts'

const join = (since?: string, last?: number): object => ({
  t: 'join',
  g: 'room.lobby',
  ...(since !== undefined && { since }),
  ...(last !== undefined && { last }),
})

describe('A joined group', () => {
  it('is in hello if it is joined before the connection opens, with its position and last', async () => {
    const { client, sockets, greet } = await virtualLive()
    client.join('room', 'lobby', { last: 50 })
    client.join('room', 'a.b', { since: 'a:3' })
    const socket = await greet()
    expect(sockets.last.protocols).toEqual(['tideway.v1.json'])
    expect(socket.messages).toEqual([
      { t: 'hello', v: 1, groups: { 'room.lobby': { last: 50 }, 'room.a.b': { since: 'a:3' } } },
    ])
  })

  it('is joined with a frame on an open connection, once for the callers of one task, with the largest last', async () => {
    const { client, greet, pass } = await virtualLive()
    const socket = await greet()
    client.join('room', 'lobby', { last: 10 })
    client.join('room', 'lobby', { last: 50 })
    await pass(0)
    expect(socket.messages.slice(1)).toEqual([join(undefined, 50)])
  })

  it('passes events with their source to its listeners, in order, and moves its position with each', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const seen: unknown[] = []
    group.on('said', (data, at) => seen.push([data, at, group.position]))
    const socket = await greet()
    expect([group.state, group.position]).toEqual(['joining', undefined])
    socket.receive(joined('a:1'))
    expect([group.state, group.position]).toEqual(['live', 'a:1'])
    socket.receive({ ...said(2), id: 'c-1' })
    socket.receive({ g: 'room.lobby', e: 'said', d: 'volatile' })
    expect(seen).toEqual([
      [{ n: 2 }, { group: 'room.lobby', position: 'a:2', id: 'c-1' }, 'a:2'],
      ['volatile', { group: 'room.lobby', position: undefined, id: undefined }, 'a:2'],
    ])
  })

  it('is replaying until the event at top, then live', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby', { last: 2 })
    const heard = heardBy(group)
    const socket = await greet()
    socket.receive(joined('a:5', 'a:7'))
    socket.receive(said(6))
    socket.receive(said(7))
    expect(heard).toEqual([
      'state "replaying"',
      'joined {"position":"a:5","recovered":false}',
      'said {"n":6} a:6',
      'said {"n":7} a:7',
      'state "live"',
    ])
  })

  it('continues its position on the next connection and says recovered', async () => {
    const { client, greet, reconnect } = await virtualLive()
    const group = client.join('room', 'lobby', { last: 5 })
    const first = await greet()
    first.receive(joined('a:1'))
    first.receive(said(2))
    const heard = heardBy(group)
    const second = await reconnect()
    expect(second.messages[0]).toEqual({ t: 'hello', v: 1, groups: { 'room.lobby': { since: 'a:2', last: 5 } } })
    second.receive(joined('a:2', 'a:3', { recovered: true }))
    second.receive(said(3))
    expect(heard).toEqual([
      'state "joining"',
      'recovered',
      'state "replaying"',
      'joined {"position":"a:2","recovered":true}',
      'said {"n":3} a:3',
      'state "live"',
    ])
  })

  it('resumes although no event ever arrived, after connections that ended before the first frame', async () => {
    const { client, greet, reconnect } = await virtualLive()
    const group = client.join('room', 'lobby')
    ;(await greet()).receive(joined('a:41'))
    await reconnect()
    await reconnect()
    const last = await reconnect()
    expect(last.messages[0]).toMatchObject({ groups: { 'room.lobby': { since: 'a:41' } } })
    last.receive(joined('a:41', 'a:41', { recovered: true }))
    expect(group.state).toBe('live')
  })

  it('says reset with the reason, then the snapshot, if the events do not continue its position', async () => {
    const { client, greet, reconnect } = await virtualLive()
    const group = client.join('room', 'lobby')
    ;(await greet()).receive(joined('a:9'))
    const socket = await reconnect()
    const heard = heardBy(group)
    socket.receive(joined('b:2', 'b:2', { why: 'epoch', snapshot: { n: 2 } }))
    socket.receive(said(3, 'b'))
    expect(heard).toEqual([
      'reset {"why":"epoch"}',
      'snapshot {"n":2}',
      'state "live"',
      'joined {"position":"b:2","recovered":false}',
      'said {"n":3} b:3',
    ])
  })

  it('says reset on a live connection and continues after the new position', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const heard = heardBy(group)
    const socket = await greet()
    socket.receive(joined('a:1'))
    socket.receive({ t: 'reset', g: 'room.lobby', why: 'trimmed', at: 'a:90', snapshot: null })
    socket.receive(said(91))
    expect(heard.slice(2)).toEqual(['reset {"why":"trimmed"}', 'snapshot null', 'said {"n":91} a:91'])
  })

  it('ignores an event at or below its position', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:5'))
    const heard = heardBy(group)
    for (const offset of [4, 5, 6, 6]) socket.receive(said(offset))
    expect(heard).toEqual(['said {"n":6} a:6'])
  })

  it('joins again from its position after a gap, once, with an error and a count', async () => {
    const { client, errors, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:5'))
    const heard = heardBy(group)
    socket.receive(said(8))
    socket.receive(said(9))
    expect(socket.messages.slice(1)).toEqual([join('a:5')])
    socket.receive(joined('a:5', 'a:7', { recovered: true }))
    for (const offset of [6, 7, 8]) socket.receive(said(offset))
    expect(heard.filter((one) => one.startsWith('said'))).toEqual([6, 7, 8].map((n) => `said {"n":${n}} a:${n}`))
    expect([errors.map(({ code }) => code), client.gaps, group.state]).toEqual([['ERR_GAP'], 1, 'live'])
  })

  it('ignores the frames of an earlier join until the answer to leave, also if a refusal of it comes first', async () => {
    const { client, greet, pass } = await virtualLive()
    const earlier = client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:5'))
    earlier.leave()
    await pass(0)
    const heard = heardBy(client.join('room', 'lobby'))
    await pass(0)
    expect(socket.messages.slice(1)).toEqual([{ t: 'leave', g: 'room.lobby' }, join()])
    socket.receive(said(6))
    socket.receive({ t: 'left', g: 'room.lobby', code: 'forbidden', message: 'no' })
    socket.receive({ t: 'left', g: 'room.lobby' })
    socket.receive(joined('a:6'))
    socket.receive(said(7))
    expect(heard).toEqual(['state "live"', 'joined {"position":"a:6","recovered":false}', 'said {"n":7} a:7'])
  })

  it('accepts frames only after as many answers as leaves', async () => {
    const { client, greet, pass } = await virtualLive()
    const socket = await greet()
    for (let n = 0; n < 2; n++) {
      const group = client.join('room', 'lobby')
      await pass(0)
      group.leave()
      await pass(0)
    }
    const group = client.join('room', 'lobby')
    await pass(0)
    expect(socket.messages.slice(1)).toEqual(
      [0, 1].flatMap(() => [join(), { t: 'leave', g: 'room.lobby' }]).concat(join()),
    )
    socket.receive(joined('a:1'))
    socket.receive({ t: 'left', g: 'room.lobby' })
    socket.receive(joined('a:2'))
    expect(group.state).toBe('joining')
    socket.receive({ t: 'left', g: 'room.lobby' })
    socket.receive(joined('a:3'))
    expect([group.state, group.position]).toEqual(['live', 'a:3'])
  })

  it('starts a new connection without unanswered leaves', async () => {
    const { client, greet, pass, reconnect } = await virtualLive()
    await greet()
    const earlier = client.join('room', 'lobby')
    await pass(0)
    earlier.leave()
    await pass(0)
    const group = client.join('room', 'lobby')
    const socket = await reconnect()
    socket.receive(joined('a:3'))
    expect(group.state).toBe('live')
  })

  it.each(['forbidden', 'unknown_group', 'bad_position', 'too_many_groups', 'a_code_of_a_newer_server'])(
    'is left after %s, and not in the next hello',
    async (code) => {
      const { client, greet, reconnect } = await virtualLive()
      const group = client.join('room', 'lobby')
      const heard = heardBy(group)
      ;(await greet()).receive({ t: 'left', g: 'room.lobby', code, message: 'why' })
      expect(heard).toEqual(['state "left"', `left {"code":"${code}","message":"why"}`])
      expect(group.state).toBe('left')
      expect((await reconnect()).messages).toEqual([{ t: 'hello', v: 1, groups: {} }])
    },
  )

  it.each(['rate_limited', 'unavailable'])(
    'joins again after %s with its position, and a longer random wait each time',
    async (code) => {
      const { client, greet, pass, reconnect } = await virtualLive({ backoff: { baseMs: 1_000, capMs: 3_000 } })
      const group = client.join('room', 'lobby')
      ;(await greet()).receive(joined('a:7'))
      const socket = await reconnect()
      const heard = heardBy(group)
      // With random numbers of 0.5, half of 1, 2, 3 and 3 seconds.
      for (const [failures, waitMs] of [500, 1_000, 1_500, 1_500].entries()) {
        socket.receive({ t: 'left', g: 'room.lobby', code, message: '' })
        await pass(waitMs - 1)
        expect(socket.messages.length).toBe(1 + failures)
        await pass(1)
        expect(socket.messages.at(-1)).toEqual(join('a:7'))
      }
      expect(heard).toEqual([])
      socket.receive(joined('a:7', 'a:7', { recovered: true }))
      socket.receive({ t: 'left', g: 'room.lobby', code, message: '' })
      await pass(500)
      expect(socket.messages.length).toBe(6)
    },
  )

  it('does not repeat a temporary failure of a lost connection', async () => {
    const { client, greet, pass, reconnect } = await virtualLive()
    client.join('room', 'lobby')
    ;(await greet()).receive({ t: 'left', g: 'room.lobby', code: 'unavailable', message: '' })
    const socket = await reconnect()
    await pass(60_000)
    expect(socket.messages.filter((one) => (one as { t: string }).t !== 'ping')).toHaveLength(1)
  })

  it('iterates over its events until it is left', async () => {
    const { client, greet, pass } = await virtualLive()
    const group = client.join('room', 'lobby')
    const seen: unknown[] = []
    const done = (async () => {
      for await (const { name, data, position } of group) {
        seen.push([name, data, position])
        if (seen.length === 2) group.leave()
      }
    })()
    const socket = await greet()
    socket.receive(joined('a:0'))
    socket.receive(said(1))
    socket.receive(said(2))
    await pass(0)
    await done
    expect(seen).toEqual([1, 2].map((n) => ['said', { n }, `a:${n}`]))
  })

  it('drops the oldest of more than 1,000 unread events of a loop, with an error', async () => {
    const { client, errors, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const events = group[Symbol.asyncIterator]()
    const first = events.next()
    const socket = await greet()
    socket.receive(joined('a:0'))
    socket.receive(said(1))
    await first
    for (let offset = 2; offset <= 1_001; offset++) socket.receive(said(offset))
    expect(errors).toEqual([])
    socket.receive(said(1_002))
    expect(errors.map(({ code }) => code)).toEqual(['ERR_SLOW_READER'])
    expect((await events.next()).value).toMatchObject({ position: 'a:3' })
  })

  it('ends its loops and is left when the client closes', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const next = group[Symbol.asyncIterator]().next()
    ;(await greet()).receive(joined('a:0'))
    client.close()
    expect((await next).done).toBe(true)
    expect(group.state).toBe('left')
    expect(() => client.join('room', 'lobby')).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error)
  })

  it('refuses a last above 10,000 and accepts 10,000', async () => {
    const { client } = await virtualLive()
    client.join('room', 'lobby', { last: 10_000 })
    for (const last of [10_001, -1, Number.NaN])
      expect(() => client.join('room', 'b', { last })).toThrow(
        expect.objectContaining({ code: 'ERR_BAD_OPTION' }) as Error,
      )
  })

  it('passes an event with the name of a change to onAny only', async () => {
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const seen: unknown[] = []
    group.on('left', (detail) => seen.push(detail))
    group.onAny(({ name }) => seen.push(name))
    const socket = await greet()
    socket.receive(joined('a:0'))
    socket.receive({ g: 'room.lobby', at: 'a:1', e: 'left', d: 'Anna' })
    expect(seen).toEqual(['left'])
  })
})

describe('A group with two callers', () => {
  it('is left on the wire when the last of them leaves, and each has its own listeners', async () => {
    const { client, greet, pass } = await virtualLive()
    const one = client.join('room', 'lobby')
    const other = client.join('room', 'lobby')
    const heard = [heardBy(one), heardBy(other)]
    const socket = await greet()
    socket.receive(joined('a:1'))
    one.leave()
    one.leave()
    await pass(0)
    socket.receive(said(2))
    expect([one.state, other.state, socket.messages.length]).toEqual(['left', 'live', 1])
    expect(heard[0]?.at(-1)).toBe('state "left"')
    expect(heard[1]?.at(-1)).toBe('said {"n":2} a:2')
    other.leave()
    await pass(0)
    expect(socket.messages.slice(1)).toEqual([{ t: 'leave', g: 'room.lobby' }])
  })

  it('sends nothing if a caller leaves and another joins in one task, as React does in strict mode', async () => {
    const { client, greet, pass } = await virtualLive()
    const group = client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:1'))
    group.leave()
    const heard = heardBy(client.join('room', 'lobby'))
    await pass(0)
    expect(socket.messages.length).toBe(1)
    expect(heard).toEqual(['joined {"position":"a:1","recovered":false}'])
  })

  it('gives the later one the newest kept events up to its last, and then what arrives', async () => {
    const { client, greet, pass } = await virtualLive()
    client.join('room', 'lobby', { last: 2 })
    const socket = await greet()
    socket.receive(joined('a:0'))
    for (let offset = 1; offset <= 150; offset++) socket.receive(said(offset))
    const few = heardBy(client.join('room', 'lobby', { last: 2 }))
    const many = heardBy(client.join('room', 'lobby', { last: 500 }))
    const none = heardBy(client.join('room', 'lobby'))
    await pass(0)
    socket.receive(said(151))
    expect(few).toEqual([
      'joined {"position":"a:150","recovered":false}',
      'said {"n":149} a:149',
      'said {"n":150} a:150',
      'said {"n":151} a:151',
    ])
    expect([many.length, many[1]]).toEqual([102, 'said {"n":51} a:51'])
    expect(none.length).toBe(2)
  })

  it('continues the since of the later one if the client has kept the events, otherwise it says reset', async () => {
    const { client, greet, pass } = await virtualLive()
    client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:5'))
    for (const offset of [6, 7, 8]) socket.receive(said(offset))
    const kept = heardBy(client.join('room', 'lobby', { since: 'a:7' }))
    const newest = heardBy(client.join('room', 'lobby', { since: 'a:8' }))
    const old = heardBy(client.join('room', 'lobby', { since: 'a:2', last: 1 }))
    await pass(0)
    expect(kept).toEqual(['joined {"position":"a:8","recovered":true}', 'said {"n":8} a:8'])
    expect(newest).toEqual(['joined {"position":"a:8","recovered":true}'])
    expect(old).toEqual(['reset {"why":"behind"}', 'joined {"position":"a:8","recovered":false}', 'said {"n":8} a:8'])
  })

  it('gives the later one the snapshot with all events after it, as long as the client has kept them', async () => {
    const { client, greet, pass } = await virtualLive()
    client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:5', 'a:5', { snapshot: 's' }))
    socket.receive(said(6))
    const complete = heardBy(client.join('room', 'lobby'))
    await pass(0)
    expect(complete).toEqual(['snapshot "s"', 'joined {"position":"a:6","recovered":false}', 'said {"n":6} a:6'])
    for (let offset = 7; offset <= 106; offset++) socket.receive(said(offset))
    const late = heardBy(client.join('room', 'lobby'))
    await pass(0)
    expect(late).toEqual(['joined {"position":"a:106","recovered":false}'])
  })
})

describe("A group with persist: 'session'", () => {
  const stored = (): Map<string, string> => {
    const values = new Map<string, string>()
    vi.stubGlobal('sessionStorage', {
      getItem: (key: string) => values.get(key) ?? null,
      setItem: (key: string, value: string) => values.set(key, value),
      removeItem: (key: string) => values.delete(key),
    })
    onTestFinished(() => void vi.unstubAllGlobals())
    return values
  }

  it('continues the stored position after a reload, and stores each position after its listeners', async () => {
    const values = stored()
    values.set('tideway ws://server.test/ room.lobby', 'a:4')
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby', { persist: 'session' })
    const seen: unknown[] = []
    group.onAny(() => seen.push([...values.values()]))
    const socket = await greet()
    expect(socket.messages[0]).toMatchObject({ groups: { 'room.lobby': { since: 'a:4' } } })
    socket.receive(joined('a:4', 'a:5', { recovered: true }))
    socket.receive(said(5))
    expect([seen, [...values.values()]]).toEqual([[['a:4']], ['a:5']])
  })

  it('forgets the position when it is left or refused', async () => {
    const values = stored()
    const { client, greet, pass } = await virtualLive()
    const group = client.join('room', 'lobby', { persist: 'session' })
    const socket = await greet()
    socket.receive(joined('a:4'))
    expect(values.size).toBe(1)
    group.leave()
    await pass(0)
    expect(values.size).toBe(0)
  })

  it('works in memory if the page has no storage', async () => {
    vi.stubGlobal('sessionStorage', undefined)
    onTestFinished(() => void vi.unstubAllGlobals())
    const { client, greet } = await virtualLive()
    const group = client.join('room', 'lobby', { persist: 'session' })
    ;(await greet()).receive(joined('a:4'))
    expect(group.position).toBe('a:4')
  })
})
