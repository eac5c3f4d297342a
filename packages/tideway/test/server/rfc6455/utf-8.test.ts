import { describe, expect, it } from 'vitest'
import { clientFrame } from '../frames.ts'
import { withEchoServer } from './exchange.ts'

const { exchange, exchangeBytewise, open } = withEchoServer()

// The byte sequences of Markus Kuhn's UTF-8 decoder stress test, which section 6 of the Autobahn suite follows.
const VALID = [
  ['Greek', 'cebae1bdb9cf83cebcceb5'],
  ['first of 1 byte, NUL', '00'],
  ['last of 1 byte', '7f'],
  ['first of 2 bytes', 'c280'],
  ['last of 2 bytes', 'dfbf'],
  ['first of 3 bytes', 'e0a080'],
  ['last of 3 bytes, a non-character', 'efbfbf'],
  ['first of 4 bytes', 'f0908080'],
  ['last code point, a non-character', 'f48fbfbf'],
  ['last before the surrogates', 'ed9fbf'],
  ['first behind the surrogates', 'ee8080'],
  ['replacement character', 'efbfbd'],
  ['byte order mark, which stays', 'efbbbf'],
  ['non-character in a higher plane', 'f09fbfbe'],
] as const

const INVALID = [
  ['lone continuation', '80'],
  ['last continuation', 'bf'],
  ['six continuations', '80bf80bf80bf'],
  ['2 bytes cut off', 'c0'],
  ['3 bytes cut off', 'e08080'],
  ['4 bytes that are too large', 'f4908080'],
  ['4 bytes of 22 bits', 'f7bfbfbf'],
  ['5 bytes', 'f888808080'],
  ['6 bytes', 'fc8480808080'],
  ['fe', 'fe'],
  ['ff', 'ff'],
  ['overlong slash of 2 bytes', 'c0af'],
  ['overlong slash of 3 bytes', 'e080af'],
  ['overlong slash of 4 bytes', 'f08080af'],
  ['overlong NUL', 'c080'],
  ['largest overlong of 2 bytes', 'c1bf'],
  ['largest overlong of 3 bytes', 'e09fbf'],
  ['largest overlong of 4 bytes', 'f08fbfbf'],
  ['first high surrogate', 'eda080'],
  ['last low surrogate', 'edbfbf'],
  ['a pair of surrogates', 'eda080edb080'],
  ['2 bytes cut by ASCII', 'c220'],
  ['3 bytes cut by ASCII', 'e1bd20'],
  ['4 bytes cut by ASCII', 'f0908020'],
  ['Greek, then a surrogate, then ASCII', 'cebae1bdb9cf83cebcceb5eda080656469746564'],
] as const

const INCOMPLETE = ['c2', 'e0', 'e0a0', 'ed9f', 'ef', 'efbf', 'f0', 'f090', 'f09080', 'f4', 'f48f', 'f48fbf'] as const

describe('valid UTF-8 (Autobahn 6, RFC 3629)', () => {
  it.each(VALID)('is echoed: %s', async (_what, hex) => {
    const bytes = Buffer.from(hex, 'hex')
    const expected = [`text ${bytes.toString()}`, 'close 1000']
    expect(await exchange(clientFrame('text', bytes, { mask: '12345678' }))).toEqual(expected)
    expect(await exchange(...inFragmentsOfOne(bytes))).toEqual(expected)
    expect(await exchangeBytewise(clientFrame('text', bytes, { mask: '12345678' }))).toEqual(expected)
  })
})

describe('invalid UTF-8 (Autobahn 6, RFC 6455 §8.1)', () => {
  it.each(INVALID)('is refused with 1007: %s', async (_what, hex) => {
    const bytes = Buffer.from(hex, 'hex')
    expect(await exchange(clientFrame('text', bytes, { mask: '12345678' }))).toEqual(['close 1007'])
    expect(await exchange(...inFragmentsOfOne(bytes))).toEqual(['close 1007'])
    expect(await exchangeBytewise(clientFrame('text', bytes, { mask: '12345678' }))).toEqual(['close 1007'])
  })

  it.each(INCOMPLETE)('is refused with 1007 in a text that ends after %s', async (hex) => {
    const bytes = Buffer.from(`61${hex}`, 'hex')
    expect(await exchange(clientFrame('text', bytes))).toEqual(['close 1007'])
    expect(await exchange(...inFragmentsOfOne(bytes))).toEqual(['close 1007'])
  })

  it('is accepted in a binary message', async () => {
    expect(await exchange('8281 00000000 ff')).toEqual(['binary ff', 'close 1000'])
  })

  it('does not continue in the next message', async () => {
    expect(await exchange('0181 00000000 ce', '8081 00000000 ba', '8181 00000000 61')).toEqual([
      'text κ',
      'text a',
      'close 1000',
    ])
  })
})

describe('a text with an invalid byte (Autobahn 6.4)', () => {
  // The client sends nothing behind the bad byte: a server that waited for the end of the message would say nothing.
  it.each([
    ['a fragment that is whole', '0185 00000000 cebaeda080'],
    ['the middle of a fragment', '018f 00000000 cebaeda0'],
    ['the middle of a whole message', '818f 00000000 cebaeda0'],
    ['the middle of a message, in the middle of a character', '81fe 7fff 00000000 f490'],
    ['a byte that begins no character', '818f 00000000 c1'],
  ])('is refused after %s, before its end', async (_what, start) => {
    const client = await open()
    client.hex(start)
    expect(await client.frames()).toEqual(['close 1007'])
  })

  it('is refused if a later fragment makes a character invalid', async () => {
    const client = await open()
    client.hex('0182 00000000 cef0', '8980 00000000', '0001 00000000'.replace('0001', '0081'), '80')
    expect(await client.frames()).toEqual(['close 1007'])
  })
})

function inFragmentsOfOne(bytes: Buffer): Buffer[] {
  return [...bytes].map((byte, i) =>
    clientFrame(i === 0 ? 'text' : 'continuation', Buffer.of(byte), { fin: i === bytes.length - 1, mask: '0a0b0c0d' }),
  )
}
