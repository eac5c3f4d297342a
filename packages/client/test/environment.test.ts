import { secondsLeft } from '@tideway/client'
import { describe, expect, it, vi } from 'vitest'
import { virtualClient, type VirtualClient } from './virtual-client.ts'

class FakePage extends EventTarget {
  document = { visibilityState: 'visible' }
  tell(type: string): void {
    this.dispatchEvent(new Event(type))
  }
  hide(): void {
    this.document.visibilityState = 'hidden'
    this.tell('visibilitychange')
  }
}

async function onPage(options: Parameters<typeof virtualClient>[0] = {}): Promise<VirtualClient & { page: FakePage }> {
  const page = new FakePage()
  return { ...(await virtualClient({ lifecycleTarget: page, ...options })), page }
}

const heartbeat = { intervalMs: 60_000, timeoutMs: 5_000 }

/** Fails until the wait is a long one, and then a second more. */
async function waitLong({ sockets, pass }: VirtualClient): Promise<void> {
  for (const wait of [1_000, 2_000, 4_000, 0]) {
    sockets.last.end()
    await pass(wait)
  }
  await pass(1_000)
}

describe('The environment of the client', () => {
  it.each(['online', 'pageshow', 'visibilitychange'])('ends a wait early on %s', async (type) => {
    const client = await onPage()
    await waitLong(client)
    const before = client.sockets.all.length
    client.page.tell(type)
    await client.pass(0)
    expect(client.sockets.all.length).toBe(before + 1)
  })

  it('causes at most one attempt per second in a storm of events', async () => {
    const client = await onPage()
    await waitLong(client)
    const before = client.sockets.all.length
    for (let n = 0; n < 100; n++) {
      client.page.tell('online')
      await client.pass(10)
      client.sockets.last.end()
    }
    expect(client.sockets.all.length - before).toBe(1)
  })

  it('ends a wait early and lengthens no countdown if the clock goes back', async () => {
    const client = await onPage()
    await waitLong(client)
    const before = client.sockets.all.length
    const left = secondsLeft(client.client.state)
    vi.setSystemTime(Date.now() - 3_600_000)
    expect([left, secondsLeft(client.client.state)]).toEqual([7, 8])
    client.page.tell('online')
    await client.pass(0)
    expect(client.sockets.all.length).toBe(before + 1)
  })

  it('ends no wait if the network is lost', async () => {
    const client = await onPage()
    await waitLong(client)
    const before = client.sockets.all.length
    client.page.tell('offline')
    await client.pass(0)
    expect(client.sockets.all.length).toBe(before)
  })

  it('keeps the wait after a 1013 on every event', async () => {
    const { page, sockets, open, pass } = await onPage()
    await open()
    sockets.last.end(1013)
    await pass(5_000)
    page.tell('online')
    await pass(0)
    expect(sockets.all.length).toBe(1)
  })

  it.each(['online', 'offline', 'visibilitychange'])(
    'pings an open connection with a heartbeat on %s',
    async (type) => {
      const { page, client, sockets, open, pass } = await onPage({ heartbeat })
      await open()
      page.tell(type)
      page.tell(type)
      expect(sockets.last.messages).toEqual([{ type: 'ping' }])
      await pass(5_000)
      expect(client.state.status).toBe('reconnecting')
    },
  )

  it('replaces an open connection without a heartbeat if the network returns, and keeps it on other events', async () => {
    const { page, sockets, open, pass } = await onPage()
    await open()
    for (const type of ['offline', 'visibilitychange', 'pageshow']) page.tell(type)
    await pass(0)
    expect(sockets.all.length).toBe(1)
    page.tell('online')
    await pass(0)
    expect([sockets.all.length, sockets.all[0]?.closedWith]).toEqual([2, 1000])
  })

  it.each([0, 60_000])(
    'closes the socket on pagehide, so that the page can be cached, and connects on pageshow after %i ms',
    async (ms) => {
      const { page, client, sockets, open, pass } = await onPage()
      await open()
      page.tell('pagehide')
      expect([sockets.last.closedWith, client.state]).toMatchObject([
        1000,
        { status: 'reconnecting', retryAt: Infinity },
      ])
      const waiting = client.send('typed while waiting')
      await pass(ms)
      expect(sockets.all.length).toBe(1)
      page.tell('pageshow')
      await pass(0)
      await open()
      expect([sockets.all.length, waiting.state]).toEqual([2, 'sent'])
    },
  )

  it('replaces the connection after a jump of the clock, or pings it with a heartbeat', async () => {
    const plain = await onPage()
    await plain.open()
    vi.setSystemTime(Date.now() + 3_600_000)
    await plain.pass(10_000)
    expect(plain.sockets.all.length).toBe(2)

    const beating = await onPage({ heartbeat: { ...heartbeat, intervalMs: 1e7 } })
    await beating.open()
    vi.setSystemTime(Date.now() + 3_600_000)
    await beating.pass(10_000)
    expect(beating.sockets.last.messages).toEqual([{ type: 'ping' }])
  })

  it('ignores a late timer of a hidden page', async () => {
    const { page, sockets, open, pass } = await onPage()
    await open()
    page.hide()
    vi.setSystemTime(Date.now() + 60_000)
    await pass(10_000)
    expect(sockets.all.length).toBe(1)
  })

  it('has no effect on a closed client', async () => {
    const { page, client, sockets, pass } = await onPage()
    client.close()
    for (const type of ['online', 'pagehide', 'pageshow', 'visibilitychange']) page.tell(type)
    await pass(60_000)
    expect([client.state.status, sockets.all.length, vi.getTimerCount()]).toEqual(['closed', 1, 0])
  })
})
