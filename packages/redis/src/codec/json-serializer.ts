import { TidewayError } from 'tideway/layer/kit'

import type { MessageSerializer } from './serializer.ts'

/** Marks a string that contains the digits of a number that JSON.stringify cannot write exactly. */
const BIG_INTEGER = '\u0000tideway:integer:'

// Strings are matched too, so that digits inside them stay unchanged.
const STRING_OR_BIG_INTEGER = /"(?:[^"\\]|\\.)*"|(?<![\w.+-])-?\d{16,}(?![\d.eE])/g
const MARKED_NUMBER = /"\\u0000tideway:integer:([-+.e\d]+)"/g

/**
 * JSON as Python's json module reads and writes it, for readable messages in Redis. Cannot carry bytes, NaN or
 * infinities.
 */
export class JsonSerializer implements MessageSerializer {
  serialize(message: Readonly<Record<string, unknown>>): Uint8Array {
    return Buffer.from(JSON.stringify(message, replaceValue).replace(MARKED_NUMBER, '$1'))
  }

  deserialize(bytes: Uint8Array): unknown {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    const marked = text.replace(STRING_OR_BIG_INTEGER, (token) =>
      token.startsWith('"') || Number.isSafeInteger(Number(token)) ? token : JSON.stringify(BIG_INTEGER + token),
    )
    return JSON.parse(marked, reviveValue)
  }
}

function replaceValue(key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return `${BIG_INTEGER}${value}`
  if (typeof value === 'number' && !Number.isFinite(value)) throw cannotCarry(key, String(value))
  // In plain digits, a large float without a fraction would be read as a bigint.
  if (Number.isInteger(value) && !Number.isSafeInteger(value)) return BIG_INTEGER + (value as number).toExponential()
  if (value instanceof Uint8Array) throw cannotCarry(key, 'bytes')
  if (typeof value === 'string' && value.startsWith(BIG_INTEGER)) throw cannotCarry(key, 'a reserved text')
  return value
}

function reviveValue(_key: string, value: unknown): unknown {
  return typeof value === 'string' && value.startsWith(BIG_INTEGER) ? BigInt(value.slice(BIG_INTEGER.length)) : value
}

function cannotCarry(key: string, what: string): TidewayError {
  return new TidewayError(
    'ERR_BAD_MESSAGE',
    `"${key}" of the message is ${what}, which JSON cannot represent: use the msgpack serializer, or send text.`,
  )
}
