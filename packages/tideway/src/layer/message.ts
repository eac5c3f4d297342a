import { TidewayError } from '../errors/tideway-error.ts'
import type { Message } from './channel-layer.ts'
import { MessageTooLargeError } from './errors.ts'

/** The largest message that a layer takes unless its options say otherwise: 1 MiB (the specification asks for 1 MB). */
export const DEFAULT_MAX_MESSAGE_BYTES: number = 1024 * 1024

/** Objects nested deeper than this are refused: the decoders of other languages recurse. */
const MAX_DEPTH = 100

const MAX_UINT64 = 2n ** 64n - 1n
const MIN_INT64 = -(2n ** 63n)

/**
 * A frozen copy of a message, so that neither what the sender does with it afterwards nor what one receiver does can
 * be seen by another receiver. One copy a send, shared by all receivers.
 * @throws TidewayError `ERR_BAD_MESSAGE` for a value that could not cross to another process as it is: undefined, a
 *   function, a symbol, a Date or another class instance, a bigint over 64 bits, a cycle; a `type` that is no string
 * @throws MessageTooLargeError when its content is over the limit
 */
export function copyMessage(message: Message, maxBytes: number = DEFAULT_MAX_MESSAGE_BYTES): Message {
  if (!isPlainObject(message)) throw badMessage('message', describe(message))
  if (typeof message.type !== 'string') throw badMessage('message.type', `${describe(message.type)}, not a string`)
  return new MessageCopier(maxBytes).object(message, 'message', 0) as Message
}

class MessageCopier {
  readonly #limit: number
  #bytes = 0

  constructor(limit: number) {
    this.#limit = limit
  }

  object(source: object, path: string, depth: number): object {
    if (depth >= MAX_DEPTH) throw badMessage(path, `nested deeper than ${MAX_DEPTH} levels, or circular`)
    const copy: Record<string, unknown> = {}
    this.#count(2)
    for (const key of Object.keys(source)) {
      this.#count(utf8Length(key) + 4)
      const value = this.#value((source as Record<string, unknown>)[key], path, key, depth)
      // Assigning "__proto__" would set the prototype instead of a property.
      if (key === '__proto__') Object.defineProperty(copy, key, { value, enumerable: true })
      else copy[key] = value
    }
    return Object.freeze(copy)
  }

  #array(source: readonly unknown[], path: string, depth: number): readonly unknown[] {
    if (depth >= MAX_DEPTH) throw badMessage(path, `nested deeper than ${MAX_DEPTH} levels, or circular`)
    this.#count(2)
    // Array.from visits the holes of a sparse array, which would turn into undefined on the way.
    return Object.freeze(Array.from(source, (value, index) => this.#value(value, path, index, depth)))
  }

  #value(value: unknown, path: string, key: string | number, depth: number): unknown {
    switch (typeof value) {
      case 'string':
        this.#count(utf8Length(value) + 3)
        return value
      case 'number':
      case 'boolean':
        this.#count(9)
        return value
      case 'bigint':
        if (value > MAX_UINT64 || value < MIN_INT64) throw badMessage(`${path}.${key}`, 'a bigint over 64 bits')
        this.#count(9)
        return value
      case 'object':
        if (value === null) return value
        if (value instanceof Uint8Array) return this.#bytesOf(value)
        if (Array.isArray(value)) return this.#array(value, `${path}.${key}`, depth + 1)
        if (isPlainObject(value)) return this.object(value, `${path}.${key}`, depth + 1)
    }
    throw badMessage(`${path}.${key}`, describe(value))
  }

  /** A plain copy: a Buffer's slice would keep the whole pool that it lies in alive. Bytes cannot be frozen. */
  #bytesOf(value: Uint8Array): Uint8Array {
    this.#count(value.byteLength + 5)
    return Uint8Array.prototype.slice.call(value)
  }

  #count(bytes: number): void {
    this.#bytes += bytes
    if (this.#bytes > this.#limit) throw new MessageTooLargeError(this.#limit)
  }
}

function utf8Length(text: string): number {
  return Buffer.byteLength(text)
}

function isPlainObject(value: unknown): value is Record<string, unknown> {
  if (typeof value !== 'object' || value === null) return false
  const prototype: unknown = Object.getPrototypeOf(value)
  return prototype === Object.prototype || prototype === null
}

function describe(value: unknown): string {
  if (typeof value === 'object' && value !== null) return `an instance of ${value.constructor.name}`
  return value === null ? 'null' : typeof value
}

function badMessage(path: string, found: string): TidewayError {
  return new TidewayError(
    'ERR_BAD_MESSAGE',
    `${path} is ${found}: a message holds null, booleans, numbers, strings, Uint8Array, 64-bit bigint, arrays and plain objects.`,
  )
}
