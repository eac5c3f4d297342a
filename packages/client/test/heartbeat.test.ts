import { describe, expect, it, vi } from 'vitest'
import { virtualClient } from './virtual-client.ts'

const heartbeat = { intervalMs: 20_000, timeoutMs: 5_000 }

describe('The heartbeat of the client', () => {
  it('sends nothing by default', async () => {
    const { sockets, open, pass } = await virtualClient()
    await open()
    await pass(3_600_000)
    expect(sockets.last.sent).toEqual([])
  })

  it('pings after the interval of silence, and reconnects if no frame follows', async () => {
    const { client, sockets, open, pass } = await virtualClient({ heartbeat })
    await open()
    await pass(19_999)
    expect(sockets.last.sent).toEqual([])
    await pass(1)
    expect(sockets.last.messages).toEqual([{ type: 'ping' }])
    await pass(4_999)
    expect(client.state.status).toBe('open')
    await pass(1)
    expect(client.state).toMatchObject({ status: 'reconnecting', code: 1006, reason: 'no heartbeat' })
  })

  it('accepts any frame as a sign of life, before and after the ping', async () => {
    const { client, sockets, open, pass, messages } = await virtualClient({ heartbeat })
    await open()
    for (let n = 0; n < 10; n++) {
      await pass(15_000)
      sockets.last.receive({ n })
    }
    expect(sockets.last.sent).toEqual([])
    await pass(20_000)
    expect(sockets.last.sent.length).toBe(1)
    sockets.last.receive({ n: 10 })
    await pass(15_000)
    expect([client.state.status, messages.length]).toEqual(['open', 11])
  })

  it('hides the pong from the application', async () => {
    const { sockets, open, messages } = await virtualClient({ heartbeat })
    await open()
    sockets.last.receive('{"type":"pong"}')
    sockets.last.receive('{"type":"pong","n":1}')
    expect(messages).toEqual([{ type: 'pong', n: 1 }])
  })

  it('sends no ping with ping: false, and reconnects if the server becomes silent', async () => {
    const { client, sockets, open, pass } = await virtualClient({ heartbeat: { ...heartbeat, ping: false } })
    await open()
    await pass(25_000)
    expect([client.state.status, sockets.last.sent]).toEqual(['reconnecting', []])
  })

  it('accepts a shrinking send buffer as a sign of life during a long upload', async () => {
    const { client, sockets, open, pass } = await virtualClient({ heartbeat })
    await open()
    sockets.last.bufferedAmount = 900_000
    await pass(20_000)
    for (let n = 8; n >= 0; n--) {
      sockets.last.bufferedAmount = n * 100_000
      await pass(5_000)
    }
    expect(client.state.status).toBe('open')
    await pass(5_000)
    expect(client.state.status).toBe('reconnecting')
  })

  it('waits again after a late timer of a suspended page, because the pong may not be delivered yet', async () => {
    const { client, sockets, open, pass } = await virtualClient({ heartbeat })
    await open()
    await pass(20_000)
    vi.setSystemTime(Date.now() + 60_000)
    await pass(5_000)
    expect(client.state.status).toBe('open')
    sockets.last.receive('{"type":"pong"}')
    await pass(5_000)
    expect(client.state.status).toBe('open')
  })

  it('pings and detects a dead connection in time if the clock goes back', async () => {
    const { client, sockets, open, pass } = await virtualClient({ heartbeat })
    await open()
    for (let n = 0; n < 3; n++) {
      vi.setSystemTime(Date.now() - 3_600_000)
      await pass(n ? 14_999 : 20_000)
      expect(sockets.last.messages).toEqual(Array.from({ length: n + 1 }, () => ({ type: 'ping' })))
      sockets.last.receive('{"type":"pong"}')
      await pass(5_001)
    }
    await pass(9_999)
    vi.setSystemTime(Date.now() - 3_600_000)
    await pass(5_000)
    expect([client.state.status, sockets.last.sent.length]).toEqual(['open', 4])
    vi.setSystemTime(Date.now() - 3_600_000)
    await pass(5_000)
    expect(client.state).toMatchObject({ status: 'reconnecting', reason: 'no heartbeat' })
  })

  it('starts again for each new connection', async () => {
    const { client, sockets, open, pass } = await virtualClient({ heartbeat })
    await open()
    await pass(20_000)
    sockets.last.end()
    await pass(1_000)
    await open()
    await pass(10_000)
    expect([client.state.status, sockets.last.sent]).toEqual(['open', []])
    await pass(10_000)
    expect(sockets.last.sent.length).toBe(1)
  })
})
