import { describe, expect, it } from 'vitest'
import { withEchoServer } from './exchange.ts'

const { exchange, exchangeBytewise, open } = withEchoServer()

/** The reason of the close frame that answers a frame in hex: it follows the header and the code, 2 bytes each. */
async function closeReasonOf(frame: string): Promise<string> {
  const client = await open()
  client.hex(frame)
  await client.over()
  client.socket.destroy()
  return client.received.subarray(4).toString()
}

const PING = '8980 00000000'

describe('reserved bits (Autobahn 3, RFC 6455 §5.2)', () => {
  it.each([
    ['a text with RSV3', '9185 00000000 48656c6c6f'],
    ['a text with RSV2', 'a185 00000000 48656c6c6f'],
    ['a text with RSV1, as compressed ones have it', 'c185 00000000 48656c6c6f'],
    ['a binary message with RSV1 and RSV3', 'd281 00000000 ff'],
    ['a ping with RSV1 and RSV2', 'e980 00000000'],
    ['a close with all three', 'f880 00000000'],
    ['a first fragment with RSV1', '4185 00000000 48656c6c6f'],
  ])('refuses %s with 1002, and answers no later frame', async (_what, frame) => {
    expect(await exchange(frame, PING)).toEqual(['close 1002'])
    expect(await exchangeBytewise(frame, PING)).toEqual(['close 1002'])
  })

  it.each([
    ['reserved bits without an extension', 'a185 00000000 48656c6c6f'],
    ['length not in its shortest form', '81ff 0000000000000001 00000000'],
    ['length with its highest bit set', '81ff 8000000000000001 00000000'],
  ])('are refused with the reason "%s"', async (reason, frame) => {
    expect(await closeReasonOf(frame)).toBe(reason)
  })

  it('answers earlier frames', async () => {
    const hello = '8185 00000000 48656c6c6f'
    expect(await exchange(hello, 'a185 00000000 48656c6c6f', PING)).toEqual(['text Hello', 'close 1002'])
    expect(await exchange(PING, 'a185 00000000 48656c6c6f', PING)).toEqual(['pong ', 'close 1002'])
  })
})

describe('reserved opcodes (Autobahn 4, RFC 6455 §5.2)', () => {
  it.each(['3', '4', '5', '6', '7', 'b', 'c', 'd', 'e', 'f'])('refuses opcode %s with 1002', async (opcode) => {
    expect(await exchange(`8${opcode}80 00000000`, PING)).toEqual(['close 1002'])
    expect(await exchange('8185 00000000 48656c6c6f', `8${opcode}81 00000000 2a`, PING)).toEqual([
      'text Hello',
      'close 1002',
    ])
    expect(await exchangeBytewise(`0${opcode}80 00000000`, PING)).toEqual(['close 1002'])
  })
})
