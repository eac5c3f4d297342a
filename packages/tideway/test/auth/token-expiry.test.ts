import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { closeWhenExpired } from '../../src/auth/token-expiry.ts'
import type { WebSocketSendEvent } from '../../src/asgi/websocket-events.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const closed: WebSocketSendEvent = { type: 'websocket.close', code: 4401, reason: 'token expired' }

describe('a connection that a token let in', () => {
  let sent: WebSocketSendEvent[] = []
  let end: () => void = () => {}
  let running: Promise<void> | undefined

  beforeEach(() => {
    vi.useFakeTimers()
    sent = []
  })
  afterEach(() => vi.useRealTimers())

  function start(lifeMs: number): void {
    const token = { subject: 'ada', expiresAt: Date.now() + lifeMs, claims: {} }
    const run = (): Promise<void> => new Promise((resolve) => (end = resolve))
    running = closeWhenExpired(token, (event) => void sent.push(event), run)
  }

  it('is closed at the moment that its token ends', () => {
    start(90_500)
    vi.advanceTimersByTime(90_499)
    expect(sent).toEqual([])
    vi.advanceTimersByTime(1)
    expect(sent).toEqual([closed])
  })

  it('is closed within 30 seconds when the clock is set forward, as after a suspend', () => {
    start(HOUR_MS)
    vi.advanceTimersByTime(1000)
    vi.setSystemTime(Date.now() + HOUR_MS)
    vi.advanceTimersByTime(30_000)
    expect(sent).toEqual([closed])
  })

  it('lives no longer when the clock is set back', () => {
    start(MINUTE_MS)
    vi.setSystemTime(Date.now() - HOUR_MS)
    vi.advanceTimersByTime(MINUTE_MS)
    expect(sent).toEqual([closed])
  })

  it('keeps no timer once its application has ended', async () => {
    start(HOUR_MS)
    end()
    await running
    expect(vi.getTimerCount()).toBe(0)
  })

  it('may have a token that ends after more days than a timer can wait for', () => {
    start(40 * 24 * HOUR_MS)
    vi.advanceTimersByTime(HOUR_MS)
    expect(sent).toEqual([])
  })
})
