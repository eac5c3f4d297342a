import { Decoder, Encoder } from '@msgpack/msgpack'

import type { MessageSerializer } from './serializer.ts'

/** The maximum depth of a message, plus the reserved keys around it. */
const MAX_DEPTH = 110

// The type bytes of 64-bit integers in MessagePack.
const UINT64 = 0xcf
const INT64 = 0xd3

/**
 * MessagePack as Python's msgpack reads and writes it. Encodes whole numbers of all sizes as integers. Decodes integers as
 * numbers if a number holds them exactly, otherwise as bigint.
 */
export class MsgpackSerializer implements MessageSerializer {
  // With useBigInt64 the library writes numbers over 32 bits as floats, so each case has its own encoder.
  readonly #encoder = new Encoder({ maxDepth: MAX_DEPTH })
  readonly #bigIntEncoder = new Encoder({ maxDepth: MAX_DEPTH, useBigInt64: true })
  readonly #decoder = new Decoder()
  readonly #bigIntDecoder = new Decoder({ useBigInt64: true })

  serialize(message: Readonly<Record<string, unknown>>): Uint8Array {
    return holdsBigInt(message) ? this.#bigIntEncoder.encode(widen(message)) : this.#encoder.encode(message)
  }

  deserialize(bytes: Uint8Array): unknown {
    if (!bytes.includes(UINT64) && !bytes.includes(INT64)) return this.#decoder.decode(bytes)
    return narrow(this.#bigIntDecoder.decode(bytes))
  }
}

function holdsBigInt(value: unknown): boolean {
  if (typeof value === 'bigint') return true
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return false
  if (Array.isArray(value)) return value.some(holdsBigInt)
  return Object.values(value).some(holdsBigInt)
}

/** Converts whole numbers of more than 32 bits to bigint. */
function widen(value: unknown): unknown {
  return mapLeaves(value, (leaf) =>
    typeof leaf === 'number' && Number.isSafeInteger(leaf) && (leaf > 0xffffffff || leaf < -0x80000000)
      ? BigInt(leaf)
      : leaf,
  )
}

/** Converts each bigint that a number holds exactly to a number. */
function narrow(value: unknown): unknown {
  return mapLeaves(value, (leaf) =>
    typeof leaf === 'bigint' && leaf <= Number.MAX_SAFE_INTEGER && leaf >= Number.MIN_SAFE_INTEGER
      ? Number(leaf)
      : leaf,
  )
}

function mapLeaves(value: unknown, map: (leaf: unknown) => unknown): unknown {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return map(value)
  if (Array.isArray(value)) return value.map((item) => mapLeaves(item, map))
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapLeaves(item, map)]))
}
