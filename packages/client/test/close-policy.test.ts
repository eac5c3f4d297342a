import { describe, expect, it } from 'vitest'
import { includesCode, retryDelayMs } from '../src/close-policy.ts'

const policy = { backoff: { baseMs: 2_000, capMs: 30_000 }, restartSpreadMs: 5_000, tryLaterMs: 15_000 }
const half = (): number => 0.5

describe('The close policy', () => {
  it('matches single codes, and ranges with both ends', () => {
    const codes = [1008, [4400, 4499]] as const
    expect([1008, 4400, 4401, 4499].every((code) => includesCode(codes, code))).toBe(true)
    expect([1000, 1006, 1012, 4399, 4500].some((code) => includesCode(codes, code))).toBe(false)
  })

  it('spreads reconnects over restartSpreadMs after a 1012 on a connection that was up', () => {
    expect(retryDelayMs(1012, '', 1, policy, half)).toBe(2_500)
  })

  it('reads the spread from the close reason, up to five minutes', () => {
    expect(retryDelayMs(1012, 'deploy spread=60000', 1, policy, half)).toBe(30_000)
    expect(retryDelayMs(1012, 'spread=0', 1, policy, half)).toBe(0)
    expect(retryDelayMs(1012, 'spread=999999999999', 1, policy, half)).toBe(150_000)
    expect(retryDelayMs(1012, 'widespread=7', 1, policy, half)).toBe(2_500)
  })

  it('backs off after repeated 1012 closes', () => {
    expect(retryDelayMs(1012, '', 4, policy, half)).toBe(8_000)
  })

  it('waits between tryLaterMs and twice that after a 1013, or longer by the back-off', () => {
    expect(retryDelayMs(1013, '', 1, policy, () => 0)).toBe(15_000)
    expect(retryDelayMs(1013, '', 1, policy, half)).toBe(22_500)
    expect(retryDelayMs(1013, '', 9, { ...policy, backoff: { baseMs: 1_000, capMs: 900_000 } }, half)).toBe(128_000)
  })

  it('waits with full jitter after all other codes', () => {
    for (const code of [1000, 1001, 1005, 1006, 1011, 3000, 4500])
      expect(retryDelayMs(code, '', 2, policy, half)).toBe(2_000)
  })
})
