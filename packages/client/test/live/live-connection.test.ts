import { connectLive } from '@tideway/client/live'
import { describe, expect, it } from 'vitest'
import { fakeWebSockets } from '../fake-web-socket.ts'
import { heardBy, joined, said, virtualLive } from './virtual-live.ts'

describe('A live client', () => {
  it('offers its subprotocol, and the bearer token after it', async () => {
    const { sockets } = await virtualLive({ token: 'secret' })
    expect(sockets.last.protocols).toEqual(['tideway.v1.json', 'bearer', 'secret'])
  })

  it('pings after the interval of silence and takes the pong for itself', async () => {
    const { errors, greet, pass } = await virtualLive({ heartbeat: {} })
    const socket = await greet()
    await pass(25_000)
    expect(socket.messages.at(-1)).toEqual({ t: 'ping' })
    socket.receive('{"t":"pong"}')
    await pass(10_000)
    expect([errors, socket.closedWith]).toEqual([[], undefined])
  })

  it('sends no ping with heartbeat: false', async () => {
    const { greet, pass } = await virtualLive({ heartbeat: false })
    const socket = await greet()
    await pass(100_000)
    expect(socket.messages.length).toBe(1)
  })

  it('ignores unknown frames, fields and groups, and moves its position with an entry that is not an event', async () => {
    const { client, errors, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const heard = heardBy(group)
    const socket = await greet()
    socket.receive({ t: 'hi', v: 1, news: true })
    socket.receive({ t: 'who', g: 'room.lobby', list: [] })
    socket.receive({ ...joined('a:0'), more: 1 })
    socket.receive({ ...said(1), more: 1 })
    socket.receive({ g: 'room.elsewhere', at: 'a:1', e: 'said', d: 1 })
    socket.receive({ t: 'answer', id: 'unknown', ok: 1 })
    socket.receive({ g: 'room.lobby', at: 'a:2', e: 'of_a_newer_server', d: 1 })
    socket.receive({ g: 'room.lobby', at: 'a:3', e: '' })
    socket.receive({ t: 'left', g: 'room.elsewhere' })
    expect(heard.slice(2)).toEqual(['said {"n":1} a:1', 'of_a_newer_server 1 a:2'])
    expect([errors, group.position]).toEqual([[], 'a:3'])
  })

  it('emits ERR_BAD_MESSAGE for a frame that is no JSON object, and continues', async () => {
    const { client, errors, greet } = await virtualLive()
    const group = client.join('room', 'lobby')
    const socket = await greet()
    for (const wrong of ['no JSON', 'null', new ArrayBuffer(1)]) socket.receive(wrong)
    socket.receive(joined('a:0'))
    expect([errors.map(({ code }) => code), group.state]).toEqual([Array(3).fill('ERR_BAD_MESSAGE'), 'live'])
  })

  it('closes permanently after the 4400 of a wrong frame', async () => {
    const { client, greet } = await virtualLive()
    ;(await greet()).end(4400, 'wrong frame')
    expect(client.state).toEqual({ status: 'closed', why: 'stopped', code: 4400, reason: 'wrong frame' })
  })

  it('emits open, reconnecting and closed with the state', async () => {
    const { client, greet, reconnect } = await virtualLive()
    const seen: string[] = []
    for (const name of ['open', 'reconnecting', 'closed'] as const) client.on(name, ({ status }) => seen.push(status))
    await greet()
    await reconnect()
    client.close()
    expect(seen).toEqual(['open', 'reconnecting', 'open', 'closed'])
  })

  it('closes with the page that enters the back/forward cache, and resumes with its positions when it returns', async () => {
    const target = new EventTarget()
    const { client, states, greet, pass } = await virtualLive({ lifecycleTarget: target })
    const group = client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:0'))
    socket.receive(said(1))
    target.dispatchEvent(new Event('pagehide'))
    expect([socket.closedWith, group.state]).toEqual([1000, 'joining'])
    await pass(3_600_000)
    target.dispatchEvent(new Event('pageshow'))
    await pass(0)
    expect((await greet()).messages[0]).toMatchObject({ groups: { 'room.lobby': { since: 'a:1' } } })
    expect(states).toEqual(['open', 'reconnecting', 'connecting', 'open'])
  })

  it('opens one connection when a page returns whose client was moving', async () => {
    const target = new EventTarget()
    const { client, sockets, greet, pass } = await virtualLive({ lifecycleTarget: target })
    const group = client.join('room', 'lobby')
    const socket = await greet()
    socket.receive(joined('a:0'))
    socket.receive({ t: 'move', within: 8_000 })
    await pass(1_000)
    await greet()
    target.dispatchEvent(new Event('pagehide'))
    await pass(60_000)
    target.dispatchEvent(new Event('pageshow'))
    await pass(0)
    const again = await greet()
    again.receive(joined('a:0', 'a:0', { recovered: true }))
    expect([sockets.all.length, group.state, client.state.status]).toEqual([3, 'live', 'open'])
  })

  it('reconnects on demand, and closes with using', async () => {
    const { client, states, greet, pass } = await virtualLive()
    await greet()
    client.reconnect()
    await pass(0)
    await greet()
    client[Symbol.dispose]()
    expect(states).toEqual(['open', 'connecting', 'open', 'closed'])
  })

  it('throws for options out of their range', () => {
    const { WebSocket } = fakeWebSockets()
    for (const options of [{ maxPendingRequests: -1 }, { connectTimeoutMs: Number.NaN }])
      expect(() => connectLive('ws://server.test/', { WebSocket, ...options })).toThrow(
        expect.objectContaining({ code: 'ERR_BAD_OPTION' }) as Error,
      )
  })
})
