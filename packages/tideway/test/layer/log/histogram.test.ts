import { describe, expect, it } from 'vitest'
import { Histogram } from '../../../src/layer/log/histogram.ts'

describe('a histogram', () => {
  it('counts a duration in each bucket whose bound it does not exceed', () => {
    const histogram = new Histogram()
    for (const ms of [0, 1, 1.001, 10_000, 10_001]) histogram.observe(ms)
    const { buckets, count, sumMs } = histogram.figures()
    const counts = new Map(buckets)
    expect([counts.get(0.5), counts.get(1), counts.get(2.5), counts.get(5000), counts.get(10_000)]).toEqual([
      1, 2, 3, 3, 4,
    ])
    expect([count, sumMs]).toEqual([5, 20_003.001])
  })
})
