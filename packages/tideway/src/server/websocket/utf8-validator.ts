import { isUtf8 } from 'node:buffer'

/**
 * Validates UTF-8 (RFC 3629) piece by piece, so that a message of many fragments fails at its first bad byte and not at its end
 * (RFC 6455 §8.1). Node's native validator checks whole characters; this class checks a character that a piece truncates.
 */
export class Utf8Validator {
  /** The first bytes of an incomplete character: 0 to 3. */
  #pending: Buffer = EMPTY

  /** Returns `false` as soon as the text can no longer become valid UTF-8. */
  push(bytes: Buffer): boolean {
    if (this.#pending.length === 0) return this.#check(bytes)
    const missing = characterLength(this.#pending[0]!) - this.#pending.length
    const character = Buffer.concat([this.#pending, bytes.subarray(0, missing)])
    return this.#check(character) && this.#check(bytes.subarray(missing))
  }

  /** Whether the text may end here. Starts a new text. */
  end(): boolean {
    const complete = this.#pending.length === 0
    this.#pending = EMPTY
    return complete
  }

  /** Checks bytes that begin with a character. */
  #check(bytes: Buffer): boolean {
    if (bytes.length === 0) return true
    const cut = bytes.length - incompleteTail(bytes)
    if (!isUtf8(bytes.subarray(0, cut))) return false
    this.#pending = cut === bytes.length ? EMPTY : Buffer.from(bytes.subarray(cut))
    return canStartCharacter(this.#pending)
  }
}

const EMPTY: Buffer = Buffer.alloc(0)

/** How many bytes a character has, by its first byte; 1 for a byte that starts no character, which the validator then rejects. */
function characterLength(first: number): number {
  if (first >= 0xf0) return 4
  if (first >= 0xe0) return 3
  return first >= 0xc0 ? 2 : 1
}

/** How many bytes at the end belong to a character that is not complete. */
function incompleteTail(bytes: Buffer): number {
  for (let back = 1; back <= Math.min(3, bytes.length); back++) {
    const byte = bytes[bytes.length - back]!
    if ((byte & 0xc0) === 0x80) continue
    return characterLength(byte) > back ? back : 0
  }
  return 0
}

/** Whether some character begins with these bytes (RFC 3629 §4: no overlong forms, no surrogates, up to U+10FFFF). */
function canStartCharacter(bytes: Buffer): boolean {
  const [first, second] = bytes
  if (first === undefined) return true
  if (first < 0xc2 || first > 0xf4) return false
  if (second === undefined) return true
  if (first === 0xe0) return second >= 0xa0
  if (first === 0xed) return second <= 0x9f
  if (first === 0xf0) return second >= 0x90
  return first === 0xf4 ? second <= 0x8f : true
}
