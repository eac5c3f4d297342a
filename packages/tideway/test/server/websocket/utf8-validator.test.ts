import { isUtf8 } from 'node:buffer'
import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { Utf8Validator } from '../../../src/server/websocket/utf8-validator.ts'

/** Bytes at which some rule of RFC 3629 begins or ends, and any other byte. */
const byte = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf) },
  { weight: 5, arbitrary: fc.constantFrom(0xe0, 0xe1, 0xec, 0xed, 0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff) },
  { weight: 1, arbitrary: fc.nat(255) },
)
const noise = fc.array(byte, { maxLength: 12 }).map((bytes) => Buffer.from(bytes))
const text = fc.string({ unit: 'binary', maxLength: 20 }).map((string) => Buffer.from(string))
const pieces = fc
  .tuple(
    fc.oneof(
      noise,
      text,
      fc.tuple(text, noise).map((both) => Buffer.concat(both)),
    ),
    fc.array(fc.nat(30)),
  )
  .map(([bytes, at]) => {
    const ends = [0, ...at.filter((offset) => offset <= bytes.length).sort((a, b) => a - b), bytes.length]
    return ends.slice(1).map((end, i) => bytes.subarray(ends[i], end))
  })

/** All that may follow the first byte of a character, by the bytes at the borders of the rules. */
const CONTINUATIONS = ['80', '8f', '90', '9f', 'a0', 'bf']
const ENDINGS = ['', ...CONTINUATIONS, ...CONTINUATIONS.flatMap((one) => ['80', 'bf'].map((two) => one + two))]
const COMPLETIONS = [...ENDINGS, ...CONTINUATIONS.map((one) => `${one}8080`)].map((hex) => Buffer.from(hex, 'hex'))

/** Whether more bytes can make it valid: the oracle, by trying. */
function canBecomeValid(bytes: Buffer): boolean {
  return COMPLETIONS.some((completion) => isUtf8(Buffer.concat([bytes, completion])))
}

describe('Utf8Validator, with node:buffer as the oracle', () => {
  it('accepts exactly valid UTF-8, with any division into pieces', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const validator = new Utf8Validator()
        const isValid = all.every((piece) => validator.push(piece)) && validator.end()
        expect(isValid).toBe(isUtf8(Buffer.concat(all)))
      }),
      { numRuns: 2000 },
    )
  })

  it('fails at the piece with the first invalid byte', () => {
    fc.assert(
      fc.property(pieces, (all) => {
        const validator = new Utf8Validator()
        let sofar = Buffer.alloc(0)
        for (const piece of all) {
          sofar = Buffer.concat([sofar, piece])
          const isValid = validator.push(piece)
          expect(isValid).toBe(canBecomeValid(sofar))
          if (!isValid) return
        }
      }),
      { numRuns: 1000 },
    )
  })

  it('starts a new text after the end of one', () => {
    const validator = new Utf8Validator()
    expect(validator.push(Buffer.of(0xce))).toBe(true)
    expect(validator.end()).toBe(false)
    expect(validator.push(Buffer.of(0x41))).toBe(true)
    expect(validator.end()).toBe(true)
  })
})
