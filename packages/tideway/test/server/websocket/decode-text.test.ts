import { check, property, string } from 'fast-check'
import { describe, expect, it } from 'vitest'
import { decodeText } from '../../../src/server/websocket/decode-text.ts'

describe('decodeText', () => {
  it.each([
    ['ASCII', 'abc'],
    ['Latin letters', 'Räksmörgås'],
    ['Korean', '안녕하세요 '],
    ['characters outside of the basic plane', '👍a𝒳'],
    ['byte order marks', '\ufeffa\ufeff'],
    ['the bounds of each length', '\0\x7f\x80\u07ff\u0800\ud7ff\ue000\uffff\u{10000}\u{10ffff}'],
  ])('returns %s unchanged, at every size around and above the bound of 1024 bytes', (_what, part) => {
    for (const times of [0, 1, 60, 100, 400, 20_000]) {
      const text = part.repeat(times)
      expect(decodeText(Buffer.from(text)) === text).toBe(true)
    }
  })

  it('returns every text unchanged', () => {
    const text = string({ unit: 'binary', minLength: 250, maxLength: 500 })
    const isGivenBack = property(text, (one) => decodeText(Buffer.from(one)) === one)
    expect(check(isGivenBack, { numRuns: 50 })).toMatchObject({ failed: false })
  })
})
