import { describe, expect, it } from 'vitest'
import { clientFrame } from '../frames.ts'
import { withEchoServer } from './exchange.ts'

const { exchange, exchangeBytewise, open } = withEchoServer()

function closeFrame(code: number, reason: string | Uint8Array = ''): Buffer {
  const payload = Buffer.concat([Buffer.of(code >> 8, code & 0xff), Buffer.from(reason)])
  return clientFrame('close', payload, { mask: '01020304' })
}

describe('close frames (Autobahn 7, RFC 6455 §5.5.1 and §7)', () => {
  it('are answered without a code if they have none', async () => {
    expect(await exchange('8880 00000000')).toEqual(['close'])
  })

  it('are answered after queued messages', async () => {
    expect(await exchange('8185 00000000 48656c6c6f', closeFrame(1000))).toEqual(['text Hello', 'close 1000'])
  })

  it.each([
    ['a second close', '8880 00000000'],
    ['a ping', '8980 00000000'],
    ['a text', '8185 00000000 48656c6c6f'],
    ['a frame that breaks the protocol', 'ff00'],
  ])('end the connection before %s', async (_what, frame) => {
    expect(await exchange(closeFrame(1000), frame)).toEqual(['close 1000'])
  })

  it.each([1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999])(
    'are answered with the same code %i',
    async (code) => {
      expect(await exchange(closeFrame(code))).toEqual([`close ${code}`])
    },
  )

  it.each([0, 1, 999, 1004, 1005, 1006, 1015, 1016, 1100, 1999, 2000, 2999, 5000, 65_535])(
    'are refused with 1002 if their code is %i',
    async (code) => {
      expect(await exchange(closeFrame(code))).toEqual(['close 1002'])
    },
  )

  it('are refused with 1002 if their payload is one byte', async () => {
    expect(await exchange('8881 00000000 03')).toEqual(['close 1002'])
    expect(await exchangeBytewise('8881 00000000 03')).toEqual(['close 1002'])
  })

  it('may have a reason of 123 bytes', async () => {
    expect(await exchange(closeFrame(1000, '*'.repeat(123)))).toEqual(['close 1000'])
    expect(await exchangeBytewise(closeFrame(1000, '*'.repeat(123)))).toEqual(['close 1000'])
  })

  it('are refused with 1002 if their reason has 124 bytes', async () => {
    expect(await exchange(closeFrame(1000, '*'.repeat(124)))).toEqual(['close 1002'])
  })

  it('are refused with 1007 if their reason is not UTF-8', async () => {
    expect(await exchange(closeFrame(1000, Buffer.from('cebaeda080', 'hex')))).toEqual(['close 1007'])
    expect(await exchange(closeFrame(1000, Buffer.from('cebac3', 'hex')))).toEqual(['close 1007'])
  })

  it('end the connection from the side of the server', async () => {
    const client = await open()
    client.write(closeFrame(1000))
    expect(await client.frames()).toEqual(['close 1000'])
    expect(client.isOver).toBe(true)
    expect(client.error).toBeUndefined()
  })

  it('name the protocol error in their reason', async () => {
    const client = await open()
    client.hex('8303')
    await client.over()
    expect(client.received.subarray(4).toString()).toBe('a client must mask its frames')
  })
})
