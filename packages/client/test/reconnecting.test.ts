import { describeState } from '@tideway/client'
import { describe, expect, it, vi } from 'vitest'
import { fakeWebSockets } from './fake-web-socket.ts'
import { virtualClient } from './virtual-client.ts'

describe('A reconnecting client', () => {
  it('goes through connecting, open, reconnecting, connecting, open and closed', async () => {
    const { client, sockets, states, open, pass } = await virtualClient()
    expect(client.state).toEqual({ status: 'connecting', attempt: 1 })
    await open()
    await pass(5_000)
    sockets.last.end(1001, 'away')
    const retryAt = Date.now() + 1_000
    await pass(1_000)
    await open()
    client.close(4_000, 'enough')
    expect(states).toEqual([
      { status: 'open' },
      { status: 'reconnecting', attempt: 1, retryAt, delayMs: 1_000, code: 1001, reason: 'away' },
      { status: 'connecting', attempt: 1 },
      { status: 'open' },
      { status: 'closed', why: 'called', code: 4_000, reason: 'enough' },
    ])
    expect(sockets.last.closedWith).toBe(4_000)
  })

  it('doubles the bound of the delay with each failure, up to the cap', async () => {
    const { sockets, client, pass } = await virtualClient()
    const waits: number[] = []
    for (let n = 0; n < 7; n++) {
      sockets.last.end()
      if (client.state.status !== 'reconnecting') throw new Error(client.state.status)
      waits.push(client.state.retryAt - Date.now())
      await pass(waits.at(-1) ?? 0)
    }
    expect(waits).toEqual([1_000, 2_000, 4_000, 8_000, 15_000, 15_000, 15_000])
  })

  it('resets the back-off after a connection of minUptimeMs, not after a shorter one', async () => {
    const { sockets, client, open, pass } = await virtualClient()
    sockets.last.end()
    await pass(1_000)
    await open()
    await pass(4_999)
    sockets.last.end()
    expect(client.state).toMatchObject({ status: 'reconnecting', attempt: 3, retryAt: Date.now() + 2_000 })
    await pass(2_000)
    await open()
    await pass(5_000)
    sockets.last.end()
    expect(client.state).toMatchObject({ status: 'reconnecting', attempt: 1, retryAt: Date.now() + 1_000 })
  })

  it('keeps to the back-off with a server that accepts and closes for an hour', async () => {
    const { sockets, client, errors, pass } = await virtualClient({
      onConnectMessage: () => 'hello',
      outbox: { maxMessages: 10 },
    })
    const started = Date.now()
    while (Date.now() - started < 3_600_000) {
      sockets.last.open()
      sockets.last.end(1011, 'broken')
      const { state } = client
      if (state.status !== 'reconnecting') throw new Error(state.status)
      await pass(state.retryAt - Date.now())
    }
    // Waits of 1, 2, 4, 8 and then 15 s.
    expect(sockets.all.length).toBe(5 + Math.ceil((3_600 - 15) / 15))
    expect(errors.length).toBe(sockets.all.length - 1)
    expect(errors.at(-1)).toMatchObject({
      code: 'ERR_CONNECTION_FAILED',
      message: expect.stringContaining('1011 broken') as string,
    })
    expect(vi.getTimerCount()).toBeLessThanOrEqual(2)
  })

  it('gives up an attempt after connectTimeoutMs and ignores its result', async () => {
    const { sockets, client, pass } = await virtualClient({ connectTimeoutMs: 3_000 })
    await pass(3_000)
    expect(client.state).toMatchObject({ status: 'reconnecting', code: 1006, reason: 'time-out' })
    const [late] = sockets.all
    expect(late).toMatchObject({ closedWith: 1005, onopen: null, onmessage: null, onclose: null })
  })

  it.each([1008, 4400, 4401, 4499])('does not reconnect after a close with %i', async (code) => {
    const { sockets, client, errors, open, pass } = await virtualClient()
    await open()
    await pass(6_000)
    sockets.last.end(code, 'no')
    expect(client.state).toEqual({ status: 'closed', why: 'stopped', code, reason: 'no' })
    await pass(3_600_000)
    expect([sockets.all.length, errors.length, vi.getTimerCount()]).toEqual([1, 0, 0])
  })

  it('does not reconnect after the codes of stopCodes only', async () => {
    const { sockets, client, open } = await virtualClient({ stopCodes: [1000, [3000, 3003]] })
    await open()
    sockets.last.end(4401)
    expect(client.state.status).toBe('reconnecting')
    client.reconnect()
    await vi.advanceTimersByTimeAsync(0)
    sockets.last.end(3003)
    expect(client.state.status).toBe('closed')
  })

  it('stops if a listener calls close() after some attempts', async () => {
    const { sockets, client, pass } = await virtualClient()
    client.on('reconnecting', ({ attempt }) => attempt > 3 && client.close())
    for (let n = 0; n < 5; n++) {
      sockets.last.end()
      await pass(30_000)
    }
    expect([client.state.status, sockets.all.length]).toEqual(['closed', 3])
  })

  it('calls the url, protocols and token functions at each attempt', async () => {
    let n = 0
    const { sockets, pass } = await virtualClient(
      { protocols: ({ attempt }) => [`v${attempt}`], token: async () => `token-${n}` },
      () => `http://host${++n}.test/chat`,
    )
    sockets.last.end()
    await pass(1_000)
    expect(sockets.all.map(({ url, protocols }) => [url, ...protocols])).toEqual([
      ['ws://host1.test/chat', 'v1', 'bearer', 'token-1'],
      ['ws://host2.test/chat', 'v2', 'bearer', 'token-2'],
    ])
  })

  it('passes no empty list of protocols to the WebSocket class, because some send an empty header for it', async () => {
    const given: unknown[][] = []
    const { WebSocket } = fakeWebSockets()
    class Recorder extends WebSocket {
      constructor(...rest: [url: string, protocols?: string[]]) {
        super(...rest)
        given.push(rest)
      }
    }
    await virtualClient({ WebSocket: Recorder })
    await virtualClient({ WebSocket: Recorder, protocols: [], token: '' })
    await virtualClient({ WebSocket: Recorder, protocols: 'chat' })
    expect(given.map(([, protocols]) => protocols)).toEqual([undefined, undefined, ['chat']])
  })

  it('offers a token after the protocols, but no empty token', async () => {
    const full = await virtualClient({ token: 'abc', protocols: ['v2', 'v1'] })
    expect(full.sockets.last.protocols).toEqual(['v2', 'v1', 'bearer', 'abc'])
    const empty = await virtualClient({ token: () => null, protocols: 'chat' })
    expect(empty.sockets.last).toMatchObject({ url: 'ws://server.test/', protocols: ['chat'] })
  })

  it('emits an error and tries again if a token function fails', async () => {
    let fails = true
    const { sockets, client, errors, pass } = await virtualClient({
      token: () => {
        if (fails) throw new Error('no network')
        return 'token'
      },
    })
    expect(client.state).toMatchObject({ status: 'reconnecting', attempt: 2 })
    expect(errors).toMatchObject([{ code: 'ERR_PROVIDER_FAILED', message: 'Error: no network' }])
    fails = false
    await pass(1_000)
    expect(sockets.last.protocols).toEqual(['bearer', 'token'])
  })

  it('times out a pending token function and aborts its signal', async () => {
    let signal: AbortSignal | undefined
    const { client, sockets, pass } = await virtualClient({
      token: (context) => {
        signal = context.signal
        return new Promise(() => {})
      },
    })
    await pass(10_000)
    expect([client.state.status, signal?.aborted, sockets.all.length]).toEqual(['reconnecting', true, 0])
  })

  it('calls the token function once more after a 4401 on a connection that was up, and stops after a second 4401', async () => {
    let tokens = 0
    const { sockets, client, open, pass } = await virtualClient({ token: () => `token-${++tokens}` })
    await open()
    await pass(5_000)
    sockets.last.end(4401, 'expired')
    expect(client.state).toMatchObject({ status: 'reconnecting', code: 4401 })
    await pass(1_000)
    expect(sockets.last.protocols).toEqual(['bearer', 'token-2'])
    await open()
    sockets.last.end(4401, 'expired')
    expect(client.state).toMatchObject({ status: 'closed', why: 'stopped', code: 4401 })
  })

  it('sends the result of onConnectMessage first on each connection, ahead of the outbox and of listeners', async () => {
    let seen = 0
    const { client, sockets, open, pass } = await virtualClient({ onConnectMessage: () => ({ after: ++seen }) })
    client.on('state', ({ status }) => status === 'open' && client.send('from a listener'))
    client.send('waiting')
    await open()
    expect(sockets.last.messages).toEqual([{ after: 1 }, 'waiting', 'from a listener'])
    sockets.last.end()
    await pass(2_000)
    await open()
    expect(sockets.last.messages[0]).toEqual({ after: 2 })
  })

  it('emits an error if onConnectMessage throws, and keeps the connection', async () => {
    const { client, errors, open } = await virtualClient({
      onConnectMessage: () => {
        throw new Error('oops')
      },
    })
    await open()
    expect([client.state.status, errors[0]?.code]).toEqual(['open', 'ERR_PROVIDER_FAILED'])
  })

  it('ends a wait on reconnect(), and replaces an open connection', async () => {
    const { client, sockets, open, pass } = await virtualClient()
    sockets.last.end()
    client.reconnect()
    await pass(0)
    await open()
    client.reconnect()
    await pass(0)
    expect(sockets.all.length).toBe(3)
    expect(sockets.all[1]?.closedWith).toBe(1000)
    await open()
    expect(client.state.status).toBe('open')
    client.close()
    expect(() => client.reconnect()).toThrow(expect.objectContaining({ code: 'ERR_CLOSED' }) as Error)
  })

  it.each(['connecting', 'open', 'reconnecting', 'asking'])(
    'closes permanently and leaves no timer on close() while %s',
    async (when) => {
      const { client, sockets, pass } = await virtualClient(
        when === 'asking' ? { token: () => new Promise(() => {}) } : {},
      )
      if (when === 'open') sockets.last.open()
      if (when === 'reconnecting') sockets.last.end()
      client.close()
      client.close()
      await pass(3_600_000)
      expect(client.state).toEqual({ status: 'closed', why: 'called', code: 1000, reason: '' })
      expect([sockets.all.length, vi.getTimerCount()]).toEqual([when === 'asking' ? 0 : 1, 0])
    },
  )

  it('closes permanently on close() in a listener of any state', async () => {
    for (const status of ['open', 'reconnecting', 'connecting']) {
      const { client, sockets, pass } = await virtualClient()
      client.on('state', (state) => state.status === status && client.close())
      if (status === 'open') sockets.last.open()
      else sockets.last.end()
      await pass(60_000)
      expect([status, client.state.status, vi.getTimerCount()]).toEqual([status, 'closed', 0])
      vi.useRealTimers()
    }
  })

  it('throws for a close code that a WebSocket may not send, and closes nothing', async () => {
    const { client } = await virtualClient()
    for (const code of [0, 1001, 1006, 2999, 5000, Number.NaN])
      expect(() => client.close(code)).toThrow(expect.objectContaining({ name: 'InvalidAccessError' }) as Error)
    expect(client.state.status).toBe('connecting')
  })

  it('closes at the end of a block with using', async () => {
    const { client } = await virtualClient()
    {
      using disposed = client
      expect(disposed.state.status).toBe('connecting')
    }
    expect(client.state.status).toBe('closed')
  })

  it('describes each state', () => {
    const now = 1_000_000
    expect(describeState({ status: 'connecting', attempt: 1 })).toBe('connecting')
    expect(describeState({ status: 'connecting', attempt: 4 })).toBe('connecting, attempt 4')
    const waiting = { status: 'reconnecting', attempt: 4, delayMs: 8_000, code: 1006, reason: '' } as const
    expect(describeState({ ...waiting, retryAt: now + 2_100 }, now)).toBe('reconnecting in 3 s, attempt 4')
    expect(describeState({ ...waiting, retryAt: now - 1 }, now)).toBe('reconnecting in 0 s, attempt 4')
    expect(describeState({ ...waiting, retryAt: Infinity }, now)).toBe('waiting for the page to be shown')
    expect(describeState({ status: 'closed', why: 'stopped', code: 4401, reason: 'log in' })).toBe(
      'closed by the server: log in',
    )
    expect(describeState({ status: 'closed', why: 'called', code: 1000, reason: '' })).toBe('closed')
  })
})
