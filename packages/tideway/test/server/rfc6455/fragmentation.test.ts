import { describe, expect, it } from 'vitest'
import { clientFrame } from '../frames.ts'
import { withEchoServer } from './exchange.ts'

const { exchange, exchangeBytewise } = withEchoServer()

// "Hel" and "lo", as the RFC fragments its example (§5.7), and a ping between them.
const HEL = '0183 00000000 48656c'
const LO = '8082 00000000 6c6f'
const PING = '8981 00000000 3f'
const TEXT = '8181 00000000 61'

describe('fragmentation (Autobahn 5, RFC 6455 §5.4)', () => {
  it('joins two fragments of a text', async () => {
    expect(await exchange(HEL, LO)).toEqual(['text Hello', 'close 1000'])
    expect(await exchangeBytewise(HEL, LO)).toEqual(['text Hello', 'close 1000'])
  })

  it('joins fragments that have different masks', async () => {
    const fragments = ['0183 01020304 49676f', '0081 ff00ff00 93', '8081 80000000 ef']
    expect(await exchange(...fragments)).toEqual(['text Hello', 'close 1000'])
  })

  it('joins fragments of a binary message', async () => {
    expect(await exchange('0282 00000000 00ff', '0081 00000000 01', '8081 00000000 02')).toEqual([
      'binary 00ff0102',
      'close 1000',
    ])
  })

  it('joins empty fragments', async () => {
    const empty = '0080 00000000'
    expect(await exchange('0180 00000000', empty, '8080 00000000')).toEqual(['text ', 'close 1000'])
    expect(await exchange('0280 00000000', empty, '8080 00000000')).toEqual(['binary ', 'close 1000'])
    expect(await exchange('0180 00000000', empty, TEXT.replace('81', '80'))).toEqual(['text a', 'close 1000'])
  })

  it('answers a ping between the fragments before the message', async () => {
    expect(await exchange(HEL, PING, LO)).toEqual(['pong ?', 'text Hello', 'close 1000'])
    expect(await exchangeBytewise(HEL, PING, LO)).toEqual(['pong ?', 'text Hello', 'close 1000'])
  })

  it('accepts a pong between the fragments', async () => {
    expect(await exchange(HEL, '8a80 00000000', LO)).toEqual(['text Hello', 'close 1000'])
  })

  it('answers a close between the fragments and drops the message', async () => {
    expect(await exchange(HEL, '8882 00000000 03e8', LO)).toEqual(['close 1000'])
  })

  it('reads the next message after a fragmented one', async () => {
    expect(await exchange(HEL, LO, TEXT, HEL, LO)).toEqual(['text Hello', 'text a', 'text Hello', 'close 1000'])
  })

  it.each([
    ['a fragmented ping', ['0981 00000000 3f', PING]],
    ['a fragmented pong', ['0a80 00000000']],
    ['a fragmented close', ['0882 00000000 03e8']],
    ['a continuation of nothing', [LO]],
    ['a continuation of nothing that is not the last', ['0082 00000000 6c6f', LO]],
    ['a text inside a fragmented message', [HEL, TEXT]],
    ['a first fragment inside a fragmented message', [HEL, HEL]],
    ['a binary message inside a fragmented text', [HEL, '8281 00000000 00']],
  ])('refuses %s with 1002', async (_what, frames) => {
    expect(await exchange(...frames)).toEqual(['close 1002'])
    expect(await exchangeBytewise(...frames)).toEqual(['close 1002'])
  })

  it('refuses a continuation after a complete message with 1002', async () => {
    expect(await exchange(HEL, LO, LO)).toEqual(['text Hello', 'close 1002'])
  })

  it('joins 65,536 bytes in fragments of 1,300 (Autobahn 10.1.1)', async () => {
    const text = 'BAsd7&jh23'.repeat(6554).slice(0, 65_536)
    const pieces = text.match(/.{1,1300}/g)!
    const fragments = pieces.map((piece, i) =>
      clientFrame(i === 0 ? 'text' : 'continuation', piece, { fin: i === pieces.length - 1, mask: '10203040' }),
    )
    expect(await exchange(...fragments)).toEqual([`text ${text}`, 'close 1000'])
  })
})
