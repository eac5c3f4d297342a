import { randomFillSync } from 'node:crypto'

import { TidewayError } from 'tideway/layer/kit'

import { Fernet } from './fernet.ts'
import { JsonSerializer } from './json-serializer.ts'
import { MsgpackSerializer } from './msgpack-serializer.ts'
import type { MessageSerializer } from './serializer.ts'

/** The encoding of messages. All processes of a group need the same options, also those in Python. */
export interface MessageCodecOptions {
  /** @default 'msgpack' */
  readonly serializer?: 'msgpack' | 'json' | MessageSerializer | undefined
  /**
   * Keys that encrypt the messages in Redis: the first encrypts, all decrypt. Names of channels and groups stay readable. Use at
   * least 32 random bytes: an empty key is rejected, and a shorter one emits a process warning. @default none: not encrypted
   */
  readonly symmetricEncryptionKeys?: readonly (string | Uint8Array)[] | undefined
}

/** Shorter keys emit a warning: the two keys of Fernet have 32 bytes together. */
const MIN_KEY_BYTES = 32

/** Random bytes requested from the system at a time. */
const RANDOM_POOL_BYTES = 4096

type Content = Readonly<Record<string, unknown>>

/** Encodes messages as bytes and decodes them: `random prefix + encrypted(serialized)`. */
export class MessageCodec {
  readonly #serializer: MessageSerializer
  readonly #fernet: Fernet | undefined
  readonly #maxAgeSeconds: number | undefined
  readonly #prefix: RandomPrefix | undefined

  /**
   * @param randomPrefixBytes random bytes in front of each message, because members of a sorted set must differ; 0: none
   * @param maxAgeSeconds rejects older encrypted messages; `undefined` accepts all
   */
  constructor(options: MessageCodecOptions, randomPrefixBytes: number, maxAgeSeconds: number | undefined) {
    this.#serializer = makeSerializer(options.serializer ?? 'msgpack')
    this.#fernet = makeFernet(options.symmetricEncryptionKeys ?? [])
    this.#maxAgeSeconds = maxAgeSeconds
    this.#prefix = randomPrefixBytes === 0 ? undefined : new RandomPrefix(randomPrefixBytes)
  }

  /** @throws TidewayError `ERR_BAD_MESSAGE` for a value that the serializer cannot carry unchanged */
  encode(content: Content): Buffer {
    const serialized = asBuffer(this.#serializer.serialize(content))
    const encrypted = this.#fernet === undefined ? serialized : this.#fernet.encrypt(serialized)
    return this.#prefix === undefined ? encrypted : this.#prefix.put(encrypted)
  }

  /**
   * Returns the content of a message: a new object whose values are deeply frozen.
   * @throws Error if it cannot be decoded
   */
  decode(bytes: Buffer): Record<string, unknown> {
    const encrypted = this.#prefix === undefined ? bytes : bytes.subarray(this.#prefix.length)
    const serialized = this.#fernet === undefined ? encrypted : this.#fernet.decrypt(encrypted, this.#maxAgeSeconds)
    const content = this.#serializer.deserialize(serialized)
    if (typeof content !== 'object' || content === null || Array.isArray(content)) {
      throw new Error('The received data is not a message: it has no keys.')
    }
    freezeItems(content)
    return content as Record<string, unknown>
  }

  /** Encodes an event of a log, which is a text: encrypted if there are keys, without the serializer. */
  encodeText(text: string): Buffer {
    const bytes = Buffer.from(text)
    return this.#fernet === undefined ? bytes : this.#fernet.encrypt(bytes)
  }

  /**
   * Returns an event of a log, of any age.
   * @throws Error if it was not encrypted with one of the keys
   */
  decodeText(bytes: Buffer): string {
    return (this.#fernet === undefined ? bytes : this.#fernet.decrypt(bytes)).toString()
  }
}

/** Freezes a decoded value deeply, in place where possible. */
function freeze(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value
  // A copy: the decoder returns a view, which would keep the whole network buffer alive.
  if (value instanceof Uint8Array) return new Uint8Array(value)
  freezeItems(value)
  return Object.freeze(value)
}

function freezeItems(container: object): void {
  for (const [key, item] of Object.entries(container)) {
    const frozen = freeze(item)
    // An assignment to the key "__proto__" would call a setter.
    if (frozen !== item) Object.defineProperty(container, key, { value: frozen, enumerable: true, configurable: true })
  }
}

function makeSerializer(serializer: 'msgpack' | 'json' | MessageSerializer): MessageSerializer {
  if (serializer === 'msgpack') return new MsgpackSerializer()
  if (serializer === 'json') return new JsonSerializer()
  if (typeof serializer?.serialize === 'function' && typeof serializer.deserialize === 'function') return serializer
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `serializer must be "msgpack", "json" or an object with serialize and deserialize, not ${JSON.stringify(serializer)}.`,
  )
}

function makeFernet(keys: readonly (string | Uint8Array)[]): Fernet | undefined {
  if (!Array.isArray(keys)) {
    throw new TidewayError('ERR_BAD_OPTION', 'symmetricEncryptionKeys must be an array, even of one key.')
  }
  for (const [index, key] of (keys as readonly unknown[]).entries()) checkKey(key, `symmetricEncryptionKeys[${index}]`)
  return keys.length === 0 ? undefined : new Fernet(keys as readonly (string | Uint8Array)[])
}

function checkKey(key: unknown, name: string): void {
  if (typeof key !== 'string' && !(key instanceof Uint8Array)) {
    throw new TidewayError('ERR_BAD_OPTION', `${name} must be a string or a Uint8Array, not ${typeof key}.`)
  }
  const length = Buffer.byteLength(key)
  if (length === 0)
    throw new TidewayError('ERR_BAD_OPTION', `${name} is empty: give at least ${MIN_KEY_BYTES} random bytes.`)
  if (length >= MIN_KEY_BYTES) return
  process.emitWarning(`${name} has ${length} bytes, which can be guessed: give at least ${MIN_KEY_BYTES} random bytes.`)
}

function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}

class RandomPrefix {
  readonly length: number
  readonly #pool: Buffer
  #used = Number.POSITIVE_INFINITY

  constructor(length: number) {
    this.length = length
    this.#pool = Buffer.alloc(Math.max(RANDOM_POOL_BYTES, length))
  }

  put(content: Buffer): Buffer {
    if (this.#used + this.length > this.#pool.length) {
      randomFillSync(this.#pool)
      this.#used = 0
    }
    const start = this.#used
    this.#used += this.length
    return Buffer.concat([this.#pool.subarray(start, this.#used), content])
  }
}
