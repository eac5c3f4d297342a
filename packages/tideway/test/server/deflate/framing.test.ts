import { constants, createDeflateRaw, deflateRawSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { echo } from '../applications.ts'
import { clientFrame } from '../frames.ts'
import { serving, startServer, type ServerUnderTest } from '../serving.ts'
import { compressedFrame, describeCompressed, openOffering } from './client.ts'

const NO_TAKEOVER = 'permessage-deflate; client_no_context_takeover; server_no_context_takeover'
const CLOSE_1000 = '8882 00000000 03e8'
const PING = '8980 00000000'

let server: ServerUnderTest
beforeAll(async () => {
  const compression = { clientNoContextTakeover: false, thresholdBytes: 100 }
  server = await startServer({ websocket: echo }, { compression })
})
afterAll(() => server.close(1))

function toBytes(frame: string | Uint8Array): Uint8Array {
  return typeof frame === 'string' ? Buffer.from(frame.replaceAll(/\s/g, ''), 'hex') : frame
}

async function exchange(
  offer: string,
  isBytewise: boolean,
  frames: readonly (string | Uint8Array)[],
): Promise<string[]> {
  const { client, agreed } = await openOffering(server.port, offer)
  expect(agreed).toContain('permessage-deflate')
  const bytes = Buffer.concat([...frames, CLOSE_1000].map(toBytes))
  if (isBytewise) {
    for (const byte of bytes) {
      if (client.isOver) break
      await new Promise((resolve) => client.socket.write(Buffer.of(byte), resolve))
    }
  } else client.write(bytes)
  await client.over()
  client.socket.destroy()
  return describeCompressed(client.received)
}

/** What the server echoes, when the bytes come at once and when each comes alone. */
async function expectEcho(frames: readonly (string | Uint8Array)[], expected: readonly string[], offer = NO_TAKEOVER) {
  expect(await exchange(offer, false, frames)).toEqual(expected)
  expect(await exchange(offer, true, frames)).toEqual(expected)
}

describe('RSV1 on a frame that does not begin a message', () => {
  it.each([
    ['a ping', 'c980 00000000'],
    ['a continuation', '0180 00000000 c080 00000000'],
  ])('closes with 1002 and the reason on %s', async (_what, frames) => {
    const { client } = await openOffering(server.port, NO_TAKEOVER)
    client.hex(frames)
    await client.over()
    client.socket.destroy()
    expect(client.received.readUInt16BE(2)).toBe(1002)
    expect(client.received.subarray(4).toString()).toBe('RSV1 on a frame that begins no message')
  })
})

describe('a client that always keeps its window, as Tornado does', () => {
  it('is supported by default if it has not offered to reset it', async () => {
    const texts = Array.from({ length: 20 }, (_, i) => `{"room":"lobby","text":"message number ${i}"}`.repeat(50))
    const byDefault = await serving({ websocket: echo }, { compression: { thresholdBytes: 1_000_000 } })
    const { client } = await openOffering(byDefault.port, 'permessage-deflate; client_max_window_bits')
    const deflate = createDeflateRaw()
    for (const text of texts) {
      deflate.write(text)
      await new Promise<void>((resolve) => deflate.flush(constants.Z_SYNC_FLUSH, resolve))
      const deflated = deflate.read() as Buffer
      client.write(compressedFrame('text', deflated.subarray(0, -4)))
      expect(await client.frame()).toBe(`text ${text}`)
    }
    deflate.destroy()
    client.socket.destroy()
  })
})

describe('the examples of RFC 7692 §7.2.3', () => {
  it('accept one frame', async () => {
    await expectEcho(['c187 00000000 f248cdc9c90700'], ['text Hello', 'close 1000'])
  })

  it('accept one frame with a mask', async () => {
    const frame = compressedFrame('text', toBytes('f248cdc9c90700'), { mask: '37fa213d' })
    await expectEcho([frame], ['text Hello', 'close 1000'])
  })

  it('accept two fragments, the first with RSV1', async () => {
    await expectEcho(['4183 00000000 f248cd', '8084 00000000 c9c90700'], ['text Hello', 'close 1000'])
  })

  it('accept two messages, the second with a reference to the first', async () => {
    const frames = ['c187 00000000 f248cdc9c90700', 'c185 00000000 f200110000']
    await expectEcho(frames, ['text Hello', 'text Hello', 'close 1000'], 'permessage-deflate')
  })

  it('accept two messages, the second without a reference to the first', async () => {
    const frames = ['c187 00000000 f248cdc9c90700', 'c187 00000000 f248cdc9c90700']
    await expectEcho(frames, ['text Hello', 'text Hello', 'close 1000'], 'permessage-deflate')
    await expectEcho(frames, ['text Hello', 'text Hello', 'close 1000'])
  })

  it('accept a block without compression', async () => {
    await expectEcho(['c18b 00000000 000500faff48656c6c6f00'], ['text Hello', 'close 1000'])
  })

  it('accept a final block', async () => {
    const frames = ['c188 00000000 f348cdc9c9070000', 'c188 00000000 f348cdc9c9070000']
    await expectEcho(frames, ['text Hello', 'text Hello', 'close 1000'])
    await expectEcho(frames, ['text Hello', 'text Hello', 'close 1000'], 'permessage-deflate')
  })

  it('accept two blocks in one message', async () => {
    await expectEcho(['c18d 00000000 f248050000 00ffff cac9c90700'], ['text Hello', 'close 1000'])
  })
})

describe('compressed messages', () => {
  it('may be empty', async () => {
    await expectEcho(
      ['c181 00000000 00', 'c281 00000000 00', 'c180 00000000'],
      ['text ', 'binary ', 'text ', 'close 1000'],
    )
  })

  it('may have a block after a final block (RFC 7692 §7.2.1)', async () => {
    const frame = compressedFrame('text', toBytes('f348cdc9c90700 f248cdc9c90700'))
    await expectEcho([frame], ['text HelloHello', 'close 1000'])
  })

  it('are used from the threshold on, and only if they are smaller', async () => {
    const noise = Buffer.from(Array.from({ length: 200 }, (_, i) => Math.imul(i + 1, 2654435761) >>> 24))
    const frames = [
      clientFrame('text', 'x'.repeat(99)),
      clientFrame('text', 'x'.repeat(100)),
      clientFrame('binary', Buffer.alloc(100)),
      clientFrame('binary', noise),
    ]
    await expectEcho(frames, [
      `text ${'x'.repeat(99)}`,
      `deflated text ${'x'.repeat(100)}`,
      `deflated binary ${'00'.repeat(100)}`,
      `binary ${noise.toString('hex')}`,
      'close 1000',
    ])
  })

  it('are used from a threshold that counts the bytes of a text, not its characters', async () => {
    const below = '한'.repeat(33)
    const frames = [below, `${below}x`, `${below}한`].map((text) => clientFrame('text', text))
    const answers = [`text ${below}`, `deflated text ${below}x`, `deflated text ${below}한`]
    await expectEcho(frames, [...answers, 'close 1000'])
  })

  it('keep their order with uncompressed ones', async () => {
    const first = compressedFrame('text', toBytes('f248'), { fin: false })
    const frames = ['8181 00000000 61', first, '8085 00000000 cdc9c90700', '8181 00000000 62']
    await expectEcho(frames, ['text a', 'text Hello', 'text b', 'close 1000'])
  })

  it('may have control frames between their fragments', async () => {
    const frames = ['4182 00000000 f248', PING, '8085 00000000 cdc9c90700']
    await expectEcho(frames, ['pong ', 'text Hello', 'close 1000'])
  })

  it('may have many fragments, some of them empty', async () => {
    const text = 'Räksmörgås '.repeat(100)
    const deflated = deflateRawSync(text)
    const pieces = [...deflated].flatMap((byte) => [Buffer.of(byte), Buffer.alloc(0)])
    const frames = [
      compressedFrame('text', Buffer.alloc(0), { fin: false }),
      ...pieces.map((piece) => clientFrame('continuation', piece, { fin: false })),
      clientFrame('continuation', Buffer.of(0)),
    ]
    await expectEcho(frames, [`deflated text ${text}`, 'close 1000'])
  })
})

describe('an invalid compressed message', () => {
  it.each([
    ['RSV1 on a continuation', ['4183 00000000 f248cd', 'c084 00000000 c9c90700'], 'close 1002'],
    [
      'RSV1 on the continuation of an uncompressed message',
      ['0181 00000000 61', 'c084 00000000 c9c90700'],
      'close 1002',
    ],
    ['RSV1 on a ping', ['c980 00000000'], 'close 1002'],
    ['RSV1 on a pong', ['ca80 00000000'], 'close 1002'],
    ['RSV1 on a close', ['c880 00000000'], 'close 1002'],
    ['RSV1 with RSV2', ['e187 00000000 f248cdc9c90700'], 'close 1002'],
    ['RSV1 with RSV3', ['d187 00000000 f248cdc9c90700'], 'close 1002'],
    ['RSV1 on an unknown opcode', ['c387 00000000 f248cdc9c90700'], 'close 1002'],
    [
      'a new compressed message inside a fragmented one',
      ['4183 00000000 f248cd', 'c187 00000000 f248cdc9c90700'],
      'close 1002',
    ],
    ['a compressed frame without a mask', ['c107 f248cdc9c90700'], 'close 1002'],
    ['bytes that are not a deflate stream', ['c182 00000000 ffff'], 'close 1007'],
    ['bytes that are not a deflate stream, in fragments', ['4181 00000000 ff', '8081 00000000 ff'], 'close 1007'],
    ['bytes that are not a deflate stream, in a binary message', ['c282 00000000 ffff'], 'close 1007'],
    ['a message that is truncated inside a block', ['c184 00000000 f248cdc9'], 'close 1007'],
    [
      'a message with the end of its flush, which must be removed',
      ['c18b 00000000 f248cdc9c90700 0000ffff'],
      'close 1007',
    ],
    ['a reference to data that was never sent', ['c185 00000000 f200110000'], 'close 1007'],
    ['text that is not UTF-8', [compressedFrame('text', deflateRawSync(Buffer.of(0x61, 0xff)))], 'close 1007'],
    [
      'text that ends inside a character',
      [compressedFrame('text', deflateRawSync(Buffer.of(0xe2, 0x82)))],
      'close 1007',
    ],
    ['too many final blocks', [compressedFrame('text', Buffer.from('0300'.repeat(40), 'hex'))], 'close 1007'],
  ])('closes the connection: %s', async (_what, frames, close) => {
    await expectEcho([...frames, PING], [close])
  })

  it('is reported after earlier messages', async () => {
    await expectEcho(['c187 00000000 f248cdc9c90700', 'c182 00000000 ffff', PING], ['text Hello', 'close 1007'])
  })
})
