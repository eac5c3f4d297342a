import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { MessageTooLargeError } from 'tideway/layer'
import { copyMessage, DEFAULT_MAX_MESSAGE_BYTES } from 'tideway/layer/kit'

/** Values that arrive as they were sent. A bigint that a number can hold, and a lone surrogate, do not. */
const text = fc.string({ unit: 'binary' })
const key = text.filter((name) => name !== '__proto__' && name !== '__asgi_channel__')
const { value } = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constant(null),
    fc.boolean(),
    fc.integer(),
    fc.double().map((number) => number + 0),
    text,
    fc.bigInt({ min: 2n ** 53n, max: 2n ** 64n - 1n }),
    fc.bigInt({ min: -(2n ** 63n), max: -(2n ** 53n) }),
    fc.uint8Array({ maxLength: 20 }),
    fc.array(tie('value'), { maxLength: 5 }),
    fc.dictionary(key, tie('value'), { maxKeys: 5, noNullPrototype: true }),
  ),
}))
const message = fc
  .dictionary(key, value, { maxKeys: 5, noNullPrototype: true })
  .map((rest) => ({ ...rest, type: 'property.message' }))

describe('copyMessage', () => {
  it('returns an equal message that is frozen and shares nothing with the original', () => {
    fc.assert(
      fc.property(message, (original) => {
        const copy = copyMessage(original)
        expect(copy).toStrictEqual(original)
        expectApart(copy, original)
      }),
    )
  })

  it('returns an equal message if a copy is sent again', () => {
    fc.assert(
      fc.property(message, (original) => {
        expect(copyMessage(copyMessage(original))).toStrictEqual(original)
      }),
    )
  })

  it('accepts the size of every message that fits as JSON', () => {
    fc.assert(
      fc.property(message, (original) => {
        const json = JSON.stringify(original, (_, part: unknown) =>
          typeof part === 'bigint' ? Number(part) : part instanceof Uint8Array ? Array.from(part) : part,
        )
        copyMessage(original, Buffer.byteLength(json))
      }),
    )
  })

  it('rejects a message of n bytes with a limit of n - 1, and accepts it with one of n', () => {
    // The object, the key, its value's own byte and text; then what the strings, numbers and bytes take.
    const sizes: readonly (readonly [object, number])[] = [
      [{ type: '' }, 1 + 4 + 1],
      [{ type: 'a' }, 1 + 4 + 2],
      [{ type: '中' }, 1 + 4 + 1 + 3],
      [{ type: '', n: 123_456 }, 6 + 1 + 1],
      [{ type: '', n: null }, 6 + 1 + 1],
      [{ type: '', ü: true }, 6 + 2 + 1],
      [{ type: '', b: new Uint8Array(10) }, 6 + 1 + 1 + 10],
      [{ type: '', l: [] }, 6 + 1 + 1 + 1],
      [{ type: '', l: [1, 2, 3] }, 6 + 1 + 1 + 1 + 3],
      [{ type: '', o: { a: {} } }, 6 + 1 + 2 + 1 + 2],
    ]
    for (const [original, bytes] of sizes as readonly (readonly [{ type: string }, number])[]) {
      expect(copyMessage(original, bytes)).toStrictEqual(original)
      expect(() => copyMessage(original, bytes - 1)).toThrow(MessageTooLargeError)
    }
  })

  it('has a limit of 1 MiB by default', () => {
    const overhead = 6 + 1 + 1
    expect(DEFAULT_MAX_MESSAGE_BYTES).toBe(1_048_576)
    copyMessage({ type: '', x: 'x'.repeat(1_048_576 - overhead) })
    expect(() => copyMessage({ type: '', x: 'x'.repeat(1_048_577 - overhead) })).toThrow(MessageTooLargeError)
  })

  it('stops at the limit if a message refers to the same object again and again', () => {
    let bomb: unknown = { a: 'text' }
    for (let level = 0; level < 60; level++) bomb = { a: bomb, b: bomb }
    expect(() => copyMessage({ type: 'bomb', bomb })).toThrow(MessageTooLargeError)
  })

  it('names a value in its message by its path, and shortens long keys', () => {
    const long = 'k'.repeat(1000)
    expect(() => copyMessage({ type: 'a', [long]: [{ b: undefined }] })).toThrow(
      `message.${'k'.repeat(100)}[0].b is undefined: a message holds null, booleans`,
    )
  })

  it('accepts objects of another realm, such as those of a test runner that uses node:vm', async () => {
    const { runInNewContext } = await import('node:vm')
    const foreign = runInNewContext(`({ type: 'a', list: [{}], bytes: new Uint8Array([1]) })`) as { type: string }
    expect(copyMessage(foreign)).toStrictEqual({ type: 'a', list: [{}], bytes: new Uint8Array([1]) })
    expect(() => copyMessage(runInNewContext(`({ type: 'a', at: new Date() })`) as { type: string })).toThrow(
      'message.at is an instance of Date',
    )
  })

  it('does not retain the memory of the larger buffer of a slice', () => {
    const { bytes } = copyMessage({ type: 'a', bytes: Buffer.alloc(8192).subarray(0, 4) }) as unknown as {
      bytes: Uint8Array
    }
    expect(bytes.buffer.byteLength).toBe(4)
  })
})

function expectApart(copy: unknown, original: unknown): void {
  if (typeof copy !== 'object' || copy === null) return
  expect(copy).not.toBe(original)
  if (copy instanceof Uint8Array) return
  expect(Object.isFrozen(copy)).toBe(true)
  for (const [name, part] of Object.entries(copy)) expectApart(part, (original as Record<string, unknown>)[name])
}
