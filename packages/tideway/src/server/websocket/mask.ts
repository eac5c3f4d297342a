/** From this length on, four bytes are unmasked at a time. Below it, creating the view costs more than it saves. */
const WORDS_FROM_BYTES = 256

/** The highest bit of each byte of a word, which no ASCII character has. */
const NOT_ASCII = 0x80808080

/**
 * Unmasks bytes in place (RFC 6455 §5.3).
 * @param mask the four bytes of the masking key, the first one highest
 * @param position how many bytes of the payload came before `start`
 */
export function unmask(bytes: Uint8Array, start: number, end: number, mask: number, position: number): void {
  let i = start
  let key = rotate(mask, position)
  if (end - start >= WORDS_FROM_BYTES) {
    const { words, from } = wordsOf(bytes, start, end)
    unmaskBytes(bytes, start, from, key)
    key = rotate(key, from - start)
    unmaskWords(words, wordOf(key))
    i = from + words.byteLength
  }
  unmaskBytes(bytes, i, end, key)
}

/** Unmasks a whole payload as {@link unmask} does. Returns whether all of it is ASCII, which needs no other check. */
export function unmaskAscii(bytes: Uint8Array, start: number, end: number, mask: number): boolean {
  let i = start
  let key = mask
  let seen = 0
  if (end - start >= WORDS_FROM_BYTES) {
    const { words, from } = wordsOf(bytes, start, end)
    seen = unmaskBytes(bytes, start, from, key)
    key = rotate(key, from - start)
    seen |= unmaskWords(words, wordOf(key))
    i = from + words.byteLength
  }
  seen |= unmaskBytes(bytes, i, end, key)
  return (seen & NOT_ASCII) === 0
}

/** Returns the bitwise OR of all bytes. */
function unmaskBytes(bytes: Uint8Array, start: number, end: number, key: number): number {
  const first = key >>> 24
  const second = (key >>> 16) & 0xff
  const third = (key >>> 8) & 0xff
  const fourth = key & 0xff
  let seen = 0
  let i = start
  for (const last = end - 3; i < last; i += 4) {
    seen |= (bytes[i]! ^= first) | (bytes[i + 1]! ^= second) | (bytes[i + 2]! ^= third) | (bytes[i + 3]! ^= fourth)
  }
  if (i < end) seen |= bytes[i++]! ^= first
  if (i < end) seen |= bytes[i++]! ^= second
  if (i < end) seen |= bytes[i]! ^= third
  return seen
}

/** Returns the bitwise OR of all words. */
function unmaskWords(words: Int32Array, key: number): number {
  let seen = 0
  let i = 0
  for (const last = words.length - 3; i < last; i += 4) {
    seen |= (words[i]! ^= key) | (words[i + 1]! ^= key) | (words[i + 2]! ^= key) | (words[i + 3]! ^= key)
  }
  for (; i < words.length; i++) seen |= words[i]! ^= key
  return seen
}

/** The aligned words of the bytes. */
function wordsOf(bytes: Uint8Array, start: number, end: number): { readonly words: Int32Array; readonly from: number } {
  const from = start + (-(bytes.byteOffset + start) & 3)
  return { words: new Int32Array(bytes.buffer, bytes.byteOffset + from, (end - from) >> 2), from }
}

const keyBytes = new Uint8Array(4)
const keyWord = new Int32Array(keyBytes.buffer)

/** The key in the byte order of this machine. */
function wordOf(key: number): number {
  keyBytes[0] = key >>> 24
  keyBytes[1] = key >>> 16
  keyBytes[2] = key >>> 8
  keyBytes[3] = key
  return keyWord[0]!
}

/** The key for this position of the payload. */
function rotate(mask: number, position: number): number {
  const bits = (position & 3) * 8
  return bits === 0 ? mask : (mask << bits) | (mask >>> (32 - bits))
}
