import { describe, expect, it } from 'vitest'
import { ReportLimit } from '../../../src/layer/log/report-limit.ts'

describe('ReportLimit', () => {
  it('allows one report per group and minute, of at most 100 groups', () => {
    const limit = new ReportLimit()
    const allowed = (now: number): string[] =>
      Array.from({ length: 150 }, (_, index) => `g${index}`).filter((group) => limit.allows(group, now))
    expect(allowed(0)).toHaveLength(100)
    expect(allowed(59_999)).toEqual([])
    expect(allowed(60_000)).toHaveLength(100)
  })
})
