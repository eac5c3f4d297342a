import { spawnSync } from 'node:child_process'
import { describe, expect, it } from 'vitest'

import { resolvesWithin } from '../../src/errors/resolves-within.ts'
import { fromSources } from '../../../../test/setup/from-sources.ts'

/** Longer than every test. */
const LONG_MS = 600_000

const pending = new Promise<never>(() => {})

describe('resolvesWithin()', () => {
  it('returns true when the promise resolves, with any value', async () => {
    expect(await resolvesWithin(Promise.resolve(false), LONG_MS)).toBe(true)
  })

  it('rejects with the error of the promise', async () => {
    const failed = new Error('failed')
    await expect(resolvesWithin(Promise.reject(failed), LONG_MS)).rejects.toBe(failed)
  })

  it('returns false while the promise is pending after the timeout', async () => {
    expect(await resolvesWithin(pending, 1)).toBe(false)
  })

  it('waits for a thenable whose then() returns nothing', async () => {
    // oxlint-disable-next-line unicorn/no-thenable -- it is the subject
    const thenable = { then: (resolve: () => void) => void setTimeout(resolve, 1) }
    expect(await resolvesWithin(thenable as unknown as PromiseLike<void>, LONG_MS)).toBe(true)
  })

  it('rejects with the error that the then() of a thenable throws', async () => {
    const thenable = {
      // oxlint-disable-next-line unicorn/no-thenable -- it is the subject
      then: () => {
        throw new Error('no then')
      },
    }
    await expect(resolvesWithin(thenable, LONG_MS)).rejects.toThrow('no then')
  })

  it('leaves no timer behind after the promise has settled', async () => {
    const timers = (): number => process.getActiveResourcesInfo().filter((kind) => kind === 'Timeout').length
    const before = timers()
    const waits = Array.from({ length: 50 }, () => resolvesWithin(Promise.resolve(), LONG_MS))
    expect(timers()).toBeGreaterThanOrEqual(before + 50)
    await Promise.all(waits)
    expect(timers()).toBeLessThan(before + 50)
  })

  it('keeps the process running with ref only', () => {
    const file = new URL('../../src/errors/resolves-within.ts', import.meta.url).href
    const outcomeOf = (ref: boolean, timeoutMs: number): string => {
      const code = `import { resolvesWithin } from '${file}'
        resolvesWithin(new Promise(() => {}), ${timeoutMs}, { ref: ${ref} }).then(() => console.log('timeout'))`
      return spawnSync(process.execPath, [...fromSources, '--input-type=module', '-e', code], { encoding: 'utf8' })
        .stdout
    }
    expect(outcomeOf(true, 10)).toBe('timeout\n')
    expect(outcomeOf(false, 10_000)).toBe('')
  })
})
