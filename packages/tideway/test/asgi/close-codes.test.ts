import { closeCodes, isValidCloseCode } from 'tideway/asgi'
import { describe, expect, it } from 'vitest'

describe('isValidCloseCode', () => {
  it('accepts exactly the codes of a close frame', () => {
    const valid = Array.from({ length: 65_536 }, (_, code) => code).filter(isValidCloseCode)
    const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)
    expect(valid).toEqual([...range(1000, 1003), ...range(1007, 1014), ...range(3000, 4999)])
  })

  it.each([Number.NaN, Infinity, -1000, 1000.5, 2 ** 32 + 1000])('refuses %d', (code) => {
    expect(isValidCloseCode(code)).toBe(false)
  })

  it('accepts each code of tideway except the two that are never sent', () => {
    const neverSent = Object.values(closeCodes).filter((code) => !isValidCloseCode(code))
    expect(neverSent).toEqual([closeCodes.noStatus, closeCodes.abnormal])
  })
})
