import { describe, expect, it } from 'vitest'
import { unmask, unmaskAscii } from '../../../src/server/websocket/mask.ts'

const MASK = 0x9a_0b_ff_42
const key = [0x9a, 0x0b, 0xff, 0x42] as const

/** RFC 6455 §5.3, byte by byte. */
function expected(bytes: Uint8Array, start: number, end: number, position: number): Uint8Array {
  return bytes.map((byte, i) => (i < start || i >= end ? byte : byte ^ key[(position + i - start) % 4]!))
}

/** Bytes that begin so many bytes into their buffer, as chunks of a socket do. */
function bytesAt(offset: number, length: number): Uint8Array {
  return new Uint8Array(new ArrayBuffer(offset + length), offset).map((_, i) => (i * 7 + 3) & 0xff)
}

const lengths = [0, 1, 2, 3, 4, 5, 100, 255, 256, 257, 258, 259, 260, 1000, 4099]

describe('unmask', () => {
  it('changes only the masked bytes, at every offset and mask position', () => {
    for (const offset of [0, 1, 2, 3, 5]) {
      for (const length of lengths) {
        for (const start of [0, 1, 2, 3, 6]) {
          for (const position of [0, 1, 2, 3, 65_537]) {
            const bytes = bytesAt(offset, start + length + 5)
            const wanted = expected(bytes, start, start + length, position)
            unmask(bytes, start, start + length, MASK, position)
            expect(Buffer.compare(bytes, wanted)).toBe(0)
          }
        }
      }
    }
  })

  it('detects one byte that is not ASCII at every position', () => {
    for (const offset of [0, 1, 2, 3]) {
      for (const length of lengths.filter((length) => length > 0)) {
        const ascii = bytesAt(offset, length).map((byte) => byte & 0x7f)
        const others = [0, 1, 2, 3, length >> 1, length - 4, length - 3, length - 2, length - 1]
        for (const at of [undefined, ...others.filter((at) => at >= 0 && at < length)]) {
          const plain = new Uint8Array(ascii)
          if (at !== undefined) plain[at] = 0x80 | plain[at]!
          const bytes = bytesAt(offset, length)
          bytes.set(expected(plain, 0, length, 0))
          expect(unmaskAscii(bytes, 0, length, MASK)).toBe(at === undefined)
          expect(Buffer.compare(bytes, plain)).toBe(0)
        }
      }
    }
  })

  it('ignores the bytes around the payload when it detects ASCII', () => {
    const bytes = new Uint8Array(520).fill(0xff)
    bytes.set(expected(new Uint8Array(512).fill(0x61), 0, 512, 0), 4)
    expect(unmaskAscii(bytes, 4, 516, MASK)).toBe(true)
  })
})
