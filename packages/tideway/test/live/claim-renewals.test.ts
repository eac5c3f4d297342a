import { InMemoryChannelLayer } from 'tideway'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { ClaimRenewals } from '../../src/live/claim-renewals.ts'
import { RequestClaim } from '../../src/live/request-claim.ts'
import { CLAIM_TTL_MS } from '../../src/layer/log/kept-groups-options.ts'

beforeEach(() => {
  // Only what the renewals and the log use: the process is shared, and a timer of an earlier file would count below.
  vi.useFakeTimers({ toFake: ['setInterval', 'clearInterval', 'performance', 'Date'] })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('the renewals of claims', () => {
  it('extend the claim of a request that runs for long, and end with it', async () => {
    const { keptGroups } = new InMemoryChannelLayer()
    const renewals = new ClaimRenewals()
    const [first, repeated] = [1, 2].map(() => new RequestClaim(keptGroups, 'scope', 'id'))
    await first!.take()
    renewals.add(first!)
    await vi.advanceTimersByTimeAsync(3 * CLAIM_TTL_MS)
    expect(await repeated!.take()).toEqual({ status: 'taken' })
    renewals.delete(first!)
    await vi.advanceTimersByTimeAsync(CLAIM_TTL_MS)
    expect(await repeated!.take()).toEqual({ status: 'claimed' })
    expect(vi.getTimerCount()).toBe(0)
  })
})
