import { afterAll, beforeAll, expect, it } from 'vitest'

import { describeWith } from '../../../test/setup/describe-with.ts'
import { Fernet } from '../src/codec/fernet.ts'
import { MsgpackSerializer } from '../src/codec/msgpack-serializer.ts'
import { bytes, float, int, map, PythonPeer, type Tagged } from './python-peer.ts'

describeWith(['python'], 'the codec and its Python counterpart', () => {
  const msgpack = new MsgpackSerializer()
  let python: PythonPeer

  beforeAll(async () => {
    python = await PythonPeer.start()
  })
  afterAll(() => python.stop())

  const values: readonly (readonly [name: string, value: unknown, tagged: Tagged])[] = [
    ['null', null, null],
    ['booleans', [true, false], [true, false]],
    ['small integers', [0, 1, -1, 255, -32768], [int(0), int(1), int(-1), int(255), int(-32768)]],
    ['32 bits', [2 ** 32 - 1, -(2 ** 31)], [int(2 ** 32 - 1), int(-(2 ** 31))]],
    [
      'more than 32 bits',
      [2 ** 32, -(2 ** 31) - 1, 2 ** 53 - 1],
      [int(2 ** 32), int(-(2 ** 31) - 1), int(2 ** 53 - 1)],
    ],
    ['64 bits', [2n ** 64n - 1n, -(2n ** 63n)], [int(2n ** 64n - 1n), int(-(2n ** 63n))]],
    ['a bigint beside large numbers', [2n ** 60n, 2 ** 40], [int(2n ** 60n), int(2 ** 40)]],
    ['floats', [1.5, -0.1, 1e300], [float('1.5'), float('-0.1'), float('1e+300')]],
    ['text in all planes', 'aé日😀\u0000', 'aé日😀\u0000'],
    ['bytes', new Uint8Array([0, 127, 255]), bytes('007fff')],
    ['nested lists and maps', { a: [{ b: [] }, {}] }, map({ a: [map({ b: [] }), map({})] })],
  ]

  it.each(values)('agree on %s that the codec writes', async (_name, value, tagged) => {
    const packed = Buffer.from(msgpack.serialize({ value })).toString('base64')
    expect(await python.do('unpack', { bytes: packed })).toEqual(map({ value: tagged }))
  })

  it.each(values)('agree on %s that Python writes', async (_name, value, tagged) => {
    const packed = Buffer.from((await python.do('pack', { value: map({ value: tagged }) })) as string, 'base64')
    expect(msgpack.deserialize(new Uint8Array(packed))).toEqual({ value })
  })

  it('decrypt the tokens of each other with rotated keys', async () => {
    const token = new Fernet(['new', 'old']).encrypt(Buffer.from('from node')).toString()
    const opened = (await python.do('decrypt', { keys: ['newest', 'new'], token })) as string
    expect(Buffer.from(opened, 'base64').toString()).toBe('from node')

    const sealed = Buffer.from('from python').toString('base64')
    const answer = (await python.do('encrypt', { keys: ['old'], bytes: sealed })) as string
    expect(new Fernet(['new', 'old']).decrypt(Buffer.from(answer), 10).toString()).toBe('from python')
  })
})
