import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { closeWhenExpired } from '../../src/auth/token-expiry.ts'
import type { WebSocketSendEvent } from '../../src/asgi/websocket-events.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const closed: WebSocketSendEvent = { type: 'websocket.close', code: 4401, reason: 'token expired' }

describe('closeWhenExpired', () => {
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

  it('closes the connection when its token expires', () => {
    start(90_500)
    vi.advanceTimersByTime(90_499)
    expect(sent).toEqual([])
    vi.advanceTimersByTime(1)
    expect(sent).toEqual([closed])
  })

  it('closes the connection within 30 seconds after the clock is set forward', () => {
    start(HOUR_MS)
    vi.advanceTimersByTime(1000)
    vi.setSystemTime(Date.now() + HOUR_MS)
    vi.advanceTimersByTime(30_000)
    expect(sent).toEqual([closed])
  })

  it('does not extend the connection when the clock is set back', () => {
    start(MINUTE_MS)
    vi.setSystemTime(Date.now() - HOUR_MS)
    vi.advanceTimersByTime(MINUTE_MS)
    expect(sent).toEqual([closed])
  })

  it('clears its timer when the application has ended', async () => {
    start(HOUR_MS)
    end()
    await running
    expect(vi.getTimerCount()).toBe(0)
  })

  it('accepts a token that expires later than the longest timer', () => {
    start(40 * 24 * HOUR_MS)
    vi.advanceTimersByTime(HOUR_MS)
    expect(sent).toEqual([])
  })
})
