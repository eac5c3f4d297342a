import { describe, expect, it } from 'vitest'
import { clientFrame } from '../frames.ts'
import { withEchoServer } from './exchange.ts'

const { exchange, exchangeBytewise, open } = withEchoServer()

function closeFrame(code: number, reason: string | Uint8Array = ''): Buffer {
  const payload = Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)])
  return clientFrame('close', payload, { mask: '01020304' })
}

describe('close frames (Autobahn 7, RFC 6455 §5.5.1 and §7)', () => {
  it('answers a close without a code by one without a code', async () => {
    expect(await exchange('8880 00000000')).toEqual(['close'])
  })

  it('sends what was to be sent, then answers the close', async () => {
    expect(await exchange('8185 00000000 48656c6c6f', closeFrame(1000))).toEqual(['text Hello', 'close 1000'])
  })

  it.each([
    ['a second close', '8880 00000000'],
    ['a ping', '8980 00000000'],
    ['a text', '8185 00000000 48656c6c6f'],
    ['a frame that breaks the protocol', 'ff00'],
  ])('does not look at %s behind the close', async (_what, frame) => {
    expect(await exchange(closeFrame(1000), frame)).toEqual(['close 1000'])
  })

  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    'answers a close with code %i by the same code',
    async (code) => {
      expect(await exchange(closeFrame(code))).toEqual([`close ${code}`])
    },
  )

  it.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65_535])(
    'refuses a close with code %i by 1002',
    async (code) => {
      expect(await exchange(closeFrame(code))).toEqual(['close 1002'])
    },
  )

  it('refuses a close with one byte by 1002', async () => {
    expect(await exchange('8881 00000000 03')).toEqual(['close 1002'])
    expect(await exchangeBytewise('8881 00000000 03')).toEqual(['close 1002'])
  })

  it('takes a reason of 123 bytes', async () => {
    expect(await exchange(closeFrame(1000, '*'.repeat(123)))).toEqual(['close 1000'])
    expect(await exchangeBytewise(closeFrame(1000, '*'.repeat(123)))).toEqual(['close 1000'])
  })

  it('refuses a reason of 124 bytes by 1002', async () => {
    expect(await exchange(closeFrame(1000, '*'.repeat(124)))).toEqual(['close 1002'])
  })

  it('refuses a reason that is not UTF-8 by 1007', async () => {
    expect(await exchange(closeFrame(1000, Buffer.from('cebaeda080', 'hex')))).toEqual(['close 1007'])
    expect(await exchange(closeFrame(1000, Buffer.from('cebac3', 'hex')))).toEqual(['close 1007'])
  })

  it('hangs up behind its close frame, so that the client need not', async () => {
    const client = await open()
    client.write(closeFrame(1000))
    expect(await client.frames()).toEqual(['close 1000'])
    expect(client.isOver).toBe(true)
    expect(client.error).toBeUndefined()
  })

  it('says in the reason what broke the protocol', async () => {
    const client = await open()
    client.hex('8303')
    await client.over()
    expect(client.received.subarray(4).toString()).toBe('a client must mask its frames')
  })
})
