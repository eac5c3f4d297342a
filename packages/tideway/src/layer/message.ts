import { types } from 'node:util'
import { hiddenField } from '../errors/hidden-field.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { Message } from './channel-layer.ts'
import { MessageTooLargeError } from './errors.ts'

/** The default limit of a message: 1 MiB (the specification asks for 1 MB). */
export const DEFAULT_MAX_MESSAGE_BYTES: number = 1024 * 1024

/** Maximum nesting: the decoders of other languages recurse. */
const MAX_DEPTH = 100

const MAX_UINT64 = 2n ** 64n - 1n
const MIN_INT64 = -(2n ** 63n)
const MAX_EXACT = BigInt(Number.MAX_SAFE_INTEGER)

/** The key under which the Redis layer of Channels stores the receiver in the message. */
const RESERVED_KEY = '__asgi_channel__'

/**
 * Returns a frozen copy of a message: later changes by the sender or by a receiver do not reach other receivers. Each send
 * makes one copy, which all receivers share.
 *
 * The size of a message is the UTF-8 length of its strings and keys, plus the length of its bytes, plus one per value: at
 * most the size of the message as JSON.
 * @throws TidewayError `ERR_BAD_MESSAGE` for a value that cannot cross to another process unchanged: undefined, a
 *   function, a symbol, a Date or another class instance, a bigint over 64 bits, half a surrogate pair, a cycle; a `type`
 *   that is not a string
 * @throws MessageTooLargeError if the message is over the limit
 */
export function copyMessage(message: Message, maxBytes: number = DEFAULT_MAX_MESSAGE_BYTES): Message {
  if (!isPlainObject(message)) throw badMessage('message', describe(message))
  if (typeof message.type !== 'string') throw badMessage('message.type', `${describe(message.type)}, not a string`)
  if (Object.hasOwn(message, RESERVED_KEY)) throw badMessage(`message.${RESERVED_KEY}`, 'a key that is reserved')
  const copier = new MessageCopier(maxBytes)
  const copy = copier.object(message) as Message
  rememberMessageBytes(copy, copier.bytes)
  return copy
}

/** Messages under this size are not remembered: the number of queued messages bounds their memory well enough. */
const SMALL_MESSAGE_BYTES = 1024

const sizes = hiddenField<object, number>()

/** Records the size of a message for `messageBytes`. Ignores messages under 1 KiB. */
export function rememberMessageBytes(message: object, bytes: number): void {
  if (bytes >= SMALL_MESSAGE_BYTES) sizes.set(message, bytes)
}

/** The recorded size of a message in bytes; 0 for a message under 1 KiB and for a value without a recorded size. */
export function messageBytes(message: unknown): number {
  return sizes.get(message) ?? 0
}

class MessageCopier {
  readonly #limit: number
  #bytes = 0
  /** The keys from the message down to the current value. */
  readonly #path: (string | number)[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** The size of what has been copied so far. */
  get bytes(): number {
    return this.#bytes
  }

  object(source: Record<string, unknown>): Record<string, unknown> {
    if (this.#path.length >= MAX_DEPTH) throw this.#tooDeep()
    const copy: Record<string, unknown> = {}
    this.#count(1)
    for (const key of Object.keys(source)) {
      const length = utf8Length(key)
      if (length === undefined) throw this.#bad(key, 'a key with half a surrogate pair')
      if (key === '__proto__') throw this.#bad(key, 'a key that could set a prototype')
      this.#count(length)
      copy[key] = this.#value(source[key], key)
    }
    return Object.freeze(copy)
  }

  #array(source: readonly unknown[]): readonly unknown[] {
    if (this.#path.length >= MAX_DEPTH) throw this.#tooDeep()
    this.#count(1)
    const copy: unknown[] = []
    // By index, which finds the holes of a sparse array: they would become undefined in another process.
    for (let index = 0; index < source.length; index++) copy.push(this.#value(source[index], index))
    return Object.freeze(copy)
  }

  #value(value: unknown, key: string | number): unknown {
    this.#count(1)
    switch (typeof value) {
      case 'string': {
        const length = utf8Length(value)
        if (length === undefined) throw this.#bad(key, 'text with half a surrogate pair')
        this.#count(length)
        return value
      }
      case 'number':
      case 'boolean':
        return value
      case 'bigint':
        if (value > MAX_UINT64 || value < MIN_INT64) throw this.#bad(key, 'a bigint over 64 bits')
        // Serializers do not distinguish the two: every layer delivers an integer as a number if that is exact.
        return value <= MAX_EXACT && value >= -MAX_EXACT ? Number(value) : value
      case 'object':
        return value === null ? value : this.#nested(value, key)
    }
    throw this.#bad(key, describe(value))
  }

  #nested(value: object, key: string | number): unknown {
    if (types.isUint8Array(value)) {
      this.#count(value.byteLength)
      // A plain copy, because a slice of a Buffer keeps its whole pool alive. Bytes cannot be frozen.
      return new Uint8Array(value)
    }
    this.#path.push(key)
    let copy: unknown
    if (Array.isArray(value)) copy = this.#array(value)
    else if (isPlainObject(value)) copy = this.object(value)
    this.#path.pop()
    if (copy === undefined) throw this.#bad(key, describe(value))
    return copy
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#limit) throw new MessageTooLargeError(this.#limit)
  }

  #bad(key: string | number, found: string): TidewayError {
    return badMessage(pathOf([...this.#path, key]), found)
  }

  #tooDeep(): TidewayError {
    return badMessage(pathOf(this.#path.slice(0, 5)), `nested deeper than ${MAX_DEPTH} levels, or circular`)
  }
}

/** Returns `undefined` for half a surrogate pair, which UTF-8 cannot hold: decoders reject or replace it. */
function utf8Length(text: string): number | undefined {
  const length = Buffer.byteLength(text)
  // In Node since 20, in TypeScript's library from es2024 on. Pure ASCII needs no second look.
  const isWellFormed = length === text.length || (text as unknown as { isWellFormed(): boolean }).isWellFormed()
  return isWellFormed ? length : undefined
}

/** Accepts objects of another realm too, such as a test runner's. */
function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null || Object.getPrototypeOf(prototype) === null
}

function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value)
  if (Array.isArray(value)) return 'an array'
  if (typeof value !== 'object') return `a ${typeof value}`
  const { constructor } = value as { constructor?: unknown }
  return `an instance of ${typeof constructor === 'function' ? constructor.name : 'a class'}`
}

function pathOf(keys: readonly (string | number)[]): string {
  return keys.reduce<string>(
    (path, key) => (typeof key === 'number' ? `${path}[${key}]` : `${path}.${key.slice(0, 100)}`),
    'message',
  )
}

function badMessage(path: string, found: string): TidewayError {
  return new TidewayError(
    'ERR_BAD_MESSAGE',
    `${path} is ${found}: a message holds null, booleans, numbers, strings, Uint8Array, 64-bit bigint, arrays and plain objects.`,
  )
}
