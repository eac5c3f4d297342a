import { createCipheriv, createDecipheriv, createHash, createHmac, randomBytes, timingSafeEqual } from 'node:crypto'

// https://github.com/fernet/spec/blob/master/Spec.md: version, seconds since 1970 (64 bits, big endian),
// initialisation vector, AES-128-CBC of the content, HMAC-SHA256 of all before it; in URL-safe base64 with padding.
const VERSION = 0x80
const IV_START = 9
const CONTENT_START = 25
const HMAC_BYTES = 32
const BLOCK_BYTES = 16

/** How far the clock of a sender may be ahead, in seconds (as in Python's cryptography). */
const MAX_CLOCK_SKEW = 60

interface Key {
  readonly signing: Buffer
  readonly encryption: Buffer
}

/**
 * Encrypts as channels_redis does with `symmetric_encryption_keys`: Fernet, whose key is the SHA-256 of a passphrase.
 * The first key encrypts and all keys decrypt, so that keys can be rotated without an outage.
 */
export class Fernet {
  readonly #keys: readonly Key[]

  /** @param passphrases at least one */
  constructor(passphrases: readonly (string | Uint8Array)[]) {
    this.#keys = passphrases.map((passphrase) => {
      const digest = createHash('sha256').update(passphrase).digest()
      return { signing: digest.subarray(0, 16), encryption: digest.subarray(16) }
    })
  }

  encrypt(content: Uint8Array): Buffer {
    const { signing, encryption } = this.#keys[0]!
    const header = Buffer.alloc(IV_START)
    header[0] = VERSION
    header.writeBigUInt64BE(BigInt(Math.floor(Date.now() / 1000)), 1)
    const iv = randomBytes(BLOCK_BYTES)
    const cipher = createCipheriv('aes-128-cbc', encryption, iv)
    const signed = Buffer.concat([header, iv, cipher.update(content), cipher.final()])
    return toBase64Url(Buffer.concat([signed, hmac(signing, signed)]))
  }

  /**
   * @param maxAgeSeconds rejects older tokens; `undefined` accepts tokens of any age
   * @throws Error if the token was made with another key, was changed, or is too old
   */
  decrypt(token: Uint8Array, maxAgeSeconds?: number): Buffer {
    const bytes = Buffer.from(
      Buffer.from(token.buffer, token.byteOffset, token.byteLength).toString('latin1'),
      'base64url',
    )
    if (bytes.length < CONTENT_START + BLOCK_BYTES + HMAC_BYTES || bytes[0] !== VERSION) {
      throw new Error('The message is not encrypted: the sender has no symmetricEncryptionKeys.')
    }
    const signed = bytes.subarray(0, -HMAC_BYTES)
    const signature = bytes.subarray(-HMAC_BYTES)
    const key = this.#keys.find(({ signing }) => timingSafeEqual(hmac(signing, signed), signature))
    if (key === undefined)
      throw new Error('The message was encrypted with a key that is not in symmetricEncryptionKeys.')
    if (maxAgeSeconds !== undefined) requireFresh(Number(signed.readBigUInt64BE(1)), maxAgeSeconds)
    const decipher = createDecipheriv('aes-128-cbc', key.encryption, signed.subarray(IV_START, CONTENT_START))
    return Buffer.concat([decipher.update(signed.subarray(CONTENT_START)), decipher.final()])
  }
}

function hmac(key: Buffer, signed: Buffer): Buffer {
  return createHmac('sha256', key).update(signed).digest()
}

function requireFresh(madeAt: number, maxAgeSeconds: number): void {
  const now = Math.floor(Date.now() / 1000)
  if (madeAt + maxAgeSeconds < now) throw new Error('The encrypted message is older than expiry + 10 seconds.')
  if (madeAt > now + MAX_CLOCK_SKEW) throw new Error('The encrypted message is from the future: compare the clocks.')
}

/** Adds the padding that Python's decoder requires and Node's encoder omits. */
function toBase64Url(bytes: Buffer): Buffer {
  const text = bytes.toString('base64url')
  return Buffer.from(text + '='.repeat((4 - (text.length % 4)) % 4), 'latin1')
}
