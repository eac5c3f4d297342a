import assert from 'node:assert/strict'
import { inspect } from 'node:util'
import type { ChannelLayer, Message } from '../channel-layer.ts'
import { MessageTooLargeError } from '../errors.ts'
import type { ContractChapter } from './contract-test.ts'
import { assertNothingWaits, attachNew, receiveSoon } from './contract-test.ts'
import { valueMessages } from './values.ts'

const ONE_MIB = 1024 * 1024

/** What a message may hold, and what becomes of it on the way. */
export const messageTests: ContractChapter = {
  'delivers every kind of value as it was sent, to receive() and to a member of a group': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [member, collector] = attachNew(layer)
    await layer.groupAdd('values', member)
    const wanted = valueMessages()
    for (const message of wanted) {
      await layer.send('values', message)
      assert.deepEqual(await receiveSoon(layer, 'values'), message)
      await layer.groupSend('values', message)
    }
    assert.deepEqual(await collector.first(wanted.length), wanted)
  },
  'delivers NaN and the infinities': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const message = { type: 'contract.value', value: [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY] }
    await layer.send('values', message)
    assert.deepEqual(await receiveSoon(layer, 'values'), message)
  },
  'delivers a bigint that fits into a number as that number': async ({ makeLayer }) => {
    const layer = await makeLayer()
    await layer.send('values', { type: 'contract.value', value: [0n, -7n, 2n ** 53n - 1n, 1n - 2n ** 53n] })
    const wanted = [0, -7, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER]
    assert.deepEqual((await receiveSoon(layer, 'values'))['value'], wanted)
  },
  'delivers a Buffer as a Uint8Array, and an object without a prototype as a plain one': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const bare = Object.assign(Object.create(null) as object, { a: 1 })
    await layer.send('values', { type: 'contract.value', bytes: Buffer.from('abc'), bare })
    const wanted = { type: 'contract.value', bytes: new Uint8Array([97, 98, 99]), bare: { a: 1 } }
    assert.deepEqual(await receiveSoon(layer, 'values'), wanted)
  },
  'delivers the sent values, also if the sender changes its object afterwards': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [member, collector] = attachNew(layer)
    await layer.groupAdd('group', member)
    const message = { type: 'contract.mutable', text: 'sent', list: [1], inner: { a: 1 }, bytes: new Uint8Array([1]) }
    const wanted = structuredClone(message)
    const sent = layer.send('channel', message)
    const groupSent = layer.groupSend('group', message)
    message.text = 'changed'
    message.list.push(2)
    message.inner.a = 2
    message.bytes[0] = 2
    await Promise.all([sent, groupSent])
    assert.deepEqual(await receiveSoon(layer, 'channel'), wanted)
    assert.deepEqual(await collector.first(1), [wanted])
  },
  'delivers deeply frozen messages': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const [member, collector] = attachNew(layer)
    await layer.groupAdd('group', member)
    const message = { type: 'contract.frozen', list: [{ a: [] }], inner: { b: {} } }
    await layer.groupSend('group', message)
    await layer.send('channel', message)
    assertFrozen((await collector.first(1))[0])
    assertFrozen(await receiveSoon(layer, 'channel'))
    assert.ok(!Object.isFrozen(message), 'the object of the sender stays as it is')
  },
  'rejects a message that is not a plain object, or whose type is not a string': async ({ makeLayer }) => {
    const layer = await makeLayer()
    for (const message of [null, undefined, 'text', 7, [], new Map(), { text: 'a' }, { type: 7 }, { type: null }]) {
      await refuses(layer, message, /^message(\.type)? is /)
    }
  },
  'rejects a value that would not arrive unchanged, and names its path': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const refused: readonly (readonly [unknown, RegExp])[] = [
      [{ a: undefined }, /^message\.value\.a is undefined/],
      [[1, undefined], /^message\.value\[1\] is undefined/],
      // oxlint-disable-next-line no-sparse-arrays -- the hole is what is tested
      [[1, , 3], /^message\.value\[1\] is undefined/],
      [{ list: [{ run: () => {} }] }, /^message\.value\.list\[0\]\.run is a function/],
      [Symbol('s'), /^message\.value is a symbol/],
      [new Date(), /^message\.value is an instance of Date/],
      [new Map(), /^message\.value is an instance of Map/],
      [
        new (class Room {
          name = 'a'
        })(),
        /^message\.value is an instance of Room/,
      ],
      [new Float64Array(1), /^message\.value is an instance of Float64Array/],
      [new ArrayBuffer(1), /^message\.value is an instance of ArrayBuffer/],
      [new Error('e'), /^message\.value is an instance of Error/],
      [2n ** 64n, /^message\.value is a bigint over 64 bits/],
      [-(2n ** 63n) - 1n, /^message\.value is a bigint over 64 bits/],
      ['\ud800', /^message\.value is text with half a surrogate pair/],
      [{ '\udc00': 1 }, /^message\.value\.\udc00 is a key with half a surrogate pair/],
      [JSON.parse('{"__proto__": 1}'), /^message\.value\.__proto__ is a key/],
    ]
    for (const [value, wanted] of refused) await refuses(layer, { type: 'contract.value', value }, wanted)
    await refuses(layer, { type: 'contract.value', __asgi_channel__: 'x' }, /^message\.__asgi_channel__ is a key/)
  },
  'accepts 100 levels of nesting, and rejects more and circular values': async ({ makeLayer }) => {
    const layer = await makeLayer()
    // The message itself is one level.
    const message = { type: 'contract.deep', value: nested(99) }
    await layer.send('channel', message)
    assert.deepEqual(await receiveSoon(layer, 'channel'), message)
    await refuses(layer, { type: 'contract.deep', value: nested(100) }, /nested deeper than 100 levels, or circular/)
    const circle: unknown[] = []
    circle.push(circle, circle)
    await refuses(layer, { type: 'contract.deep', value: circle }, /nested deeper than 100 levels, or circular/)
  },
  'accepts a message of 1 MiB as JSON, of text or of many small values': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const text = { type: 'contract.large', text: '' }
    text.text = 'x'.repeat(ONE_MIB - JSON.stringify(text).length)
    const list = { type: 'contract.large', list: Array.from({ length: ONE_MIB / 2 - 20 }, () => 1) }
    for (const message of [text, list]) {
      assert.ok(JSON.stringify(message).length <= ONE_MIB)
      await layer.send('channel', message)
      const received = await receiveSoon(layer, 'channel')
      assert.ok(JSON.stringify(received) === JSON.stringify(message), 'the message arrives whole')
    }
  },
  'refuses a message over its limit with MessageTooLargeError': async ({ makeLayer }) => {
    const layer = await makeLayer()
    const tooLarge: readonly Message[] = [
      { type: 'contract.large', text: 'x'.repeat(ONE_MIB) },
      { type: 'contract.large', text: '中'.repeat(ONE_MIB / 3) },
      { type: 'contract.large', bytes: new Uint8Array(ONE_MIB) },
      { type: 'contract.large', list: Array.from({ length: ONE_MIB }, () => null) },
      { type: 'contract.large', ['k'.repeat(ONE_MIB)]: 1 },
    ]
    for (const message of tooLarge) {
      await assert.rejects(() => layer.send('channel', message), isTooLarge(ONE_MIB))
      await assert.rejects(() => layer.groupSend('group', message), isTooLarge(ONE_MIB))
    }
    await assertNothingWaits(layer, 'channel')
  },
  'uses the limit of maxMessageBytes': async ({ makeLayer }) => {
    const layer = await makeLayer({ maxMessageBytes: 100 })
    await layer.send('channel', { type: 'a', text: 'x'.repeat(80) })
    await receiveSoon(layer, 'channel')
    await assert.rejects(() => layer.send('channel', { type: 'a', text: 'x'.repeat(100) }), isTooLarge(100))
  },
}

/** Neither `send` nor `groupSend` takes it, and nothing of it arrives. */
async function refuses(layer: ChannelLayer, message: unknown, wanted: RegExp): Promise<void> {
  const [member, collector] = attachNew(layer)
  await layer.groupAdd('refusals', member)
  const error = { code: 'ERR_BAD_MESSAGE', message: wanted }
  await assert.rejects(() => layer.send('refusals', message as Message), error)
  await assert.rejects(() => layer.groupSend('refusals', message as Message), error)
  await layer.groupSend('refusals', { type: 'contract.marker' })
  assert.deepEqual(await collector.first(1), [{ type: 'contract.marker' }])
  await layer.detach(member)
  await assertNothingWaits(layer, 'refusals')
}

function isTooLarge(limitBytes: number): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof MessageTooLargeError)
    assert.equal(error.code, 'ERR_MESSAGE_TOO_LARGE')
    assert.equal(error.limitBytes, limitBytes)
    return true
  }
}

function nested(levels: number): unknown {
  return levels === 0 ? 0 : levels % 2 === 0 ? [nested(levels - 1)] : { in: nested(levels - 1) }
}

/** Fails where any object or array of the value can be changed. Bytes cannot be frozen in JavaScript. */
export function assertFrozen(value: unknown): void {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return
  assert.ok(Object.isFrozen(value), `frozen: ${inspect(value)}`)
  Object.values(value).forEach(assertFrozen)
}
