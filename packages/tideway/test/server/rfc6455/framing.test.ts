import { describe, expect, it } from 'vitest'
import { clientFrame } from '../frames.ts'
import { withEchoServer } from './exchange.ts'

const { exchange, exchangeBytewise, open } = withEchoServer()

// The sizes at which the length of a payload is written differently (RFC 6455 §5.2), and their neighbours.
const SIZES = [0, 125, 126, 127, 128, 65_535, 65_536]

describe('framing (Autobahn 1, RFC 6455 §5)', () => {
  it('unmasks the example of the RFC', async () => {
    expect(await exchange('8185 37fa213d 7f9f4d5158')).toEqual(['text Hello', 'close 1000'])
  })

  it.each(SIZES)('echoes a text of %i bytes', async (size) => {
    const text = '*'.repeat(size)
    expect(await exchange(clientFrame('text', text))).toEqual([`text ${text}`, 'close 1000'])
  })

  it.each(SIZES)('echoes a binary message of %i bytes', async (size) => {
    const bytes = Buffer.alloc(size, 0xfe)
    expect(await exchange(clientFrame('binary', bytes, { mask: 'a1b2c3d4' }))).toEqual([
      `binary ${bytes.toString('hex')}`,
      'close 1000',
    ])
  })

  it('echoes 65,536 bytes in writes of 997', async () => {
    const text = '*'.repeat(65_536)
    const bytes = clientFrame('text', text, { mask: 'a1b2c3d4' })
    const client = await open()
    for (let at = 0; at < bytes.length; at += 997) {
      await new Promise((resolve) => client.socket.write(bytes.subarray(at, at + 997), resolve))
    }
    expect(await client.frame()).toBe(`text ${text}`)
    client.hex('8880 00000000')
    expect(await client.frames()).toEqual(['close'])
  })

  it('joins frames that arrive byte by byte', async () => {
    const long = 'abc'.repeat(50)
    const frames = ['8185 37fa213d 7f9f4d5158', clientFrame('text', long, { mask: '01020304' }), '8280 00000000']
    expect(await exchangeBytewise(...frames)).toEqual(['text Hello', `text ${long}`, 'binary ', 'close 1000'])
  })

  it('echoes many frames of one write in their order', async () => {
    const texts = Array.from({ length: 500 }, (_, i) => String(i))
    expect(await exchange(...texts.map((text) => clientFrame('text', text, { mask: 'ff00ff01' })))).toEqual([
      ...texts.map((text) => `text ${text}`),
      'close 1000',
    ])
  })

  it.each([
    ['no mask', '8105 48656c6c6f'],
    ['no mask on an empty frame', '8100'],
    ['no mask on a ping', '8900'],
    ['no mask on a close', '8800'],
    ['125 bytes, written as 16 bits', '81fe 007d 00000000'],
    ['5 bytes, written as 64 bits', '81ff 0000000000000005 00000000'],
    ['65,535 bytes, written as 64 bits', '81ff 000000000000ffff 00000000'],
    ['a length with its highest bit set', '82ff 8000000000000000 00000000'],
  ])('refuses a frame with %s with 1002', async (_what, frame) => {
    expect(await exchange(frame)).toEqual(['close 1002'])
  })
})
