import { describe, expect, it } from 'vitest'
import { clientFrame } from '../frames.ts'
import { withEchoServer } from './exchange.ts'

const LIMIT = 65_536
const small = withEchoServer({ maxMessageBytes: LIMIT })
const large = withEchoServer({ maxMessageBytes: 4 * 1024 * 1024, maxInboxBytes: 1 })

describe('the size of messages (Autobahn 9, RFC 6455 §10.4)', () => {
  it.each(['text', 'binary'] as const)(
    'accepts a %s message at the limit and refuses the next byte with 1009',
    async (kind) => {
      const message = Buffer.alloc(LIMIT, '*')
      const echoed = kind === 'text' ? `text ${message.toString()}` : `binary ${message.toString('hex')}`
      expect(await small.exchange(clientFrame(kind, message))).toEqual([echoed, 'close 1000'])
      expect(await small.exchange(clientFrame(kind, Buffer.alloc(LIMIT + 1, '*')))).toEqual(['close 1009'])
    },
  )

  it('counts the bytes of a text, not its characters', async () => {
    expect(await small.exchange(clientFrame('text', 'é'.repeat(LIMIT / 2)))).toHaveLength(2)
    expect(await small.exchange(clientFrame('text', 'é'.repeat(LIMIT / 2 + 1)))).toEqual(['close 1009'])
  })

  it('counts all fragments of a message', async () => {
    const half = Buffer.alloc(LIMIT / 2, '*')
    const first = clientFrame('text', half, { fin: false })
    const isFull = [first, clientFrame('continuation', half, { fin: false })]
    expect(await small.exchange(...isFull, '8080 00000000')).toEqual([`text ${'*'.repeat(LIMIT)}`, 'close 1000'])
    expect(await small.exchange(...isFull, '8081 00000000 2a')).toEqual(['close 1009'])
    expect(await small.exchange(...isFull, '0081 00000000 2a')).toEqual(['close 1009'])
  })

  it('counts each message separately', async () => {
    const message = clientFrame('text', '*'.repeat(LIMIT - 1))
    const text = `text ${'*'.repeat(LIMIT - 1)}`
    expect(await small.exchange(message, message, message)).toEqual([text, text, text, 'close 1000'])
  })

  it.each([
    ['64 bits', '82ff 0000000000010001 00000000'],
    ['more than a number can hold exactly', '82ff 7fffffffffffffff 00000000'],
  ])('refuses a length of %s at its header, before the payload', async (_what, header) => {
    const client = await small.open()
    client.hex(header)
    expect(await client.frames()).toEqual(['close 1009'])
  })

  it.each(['text', 'binary'] as const)('echoes a %s message of 4 MiB', async (kind) => {
    const message = Buffer.alloc(4 * 1024 * 1024, '*')
    const client = await large.open()
    client.write(clientFrame(kind, message, { mask: '01020304' }))
    expect((await client.bytes(10 + message.length)).subarray(10).equals(message)).toBe(true)
  })
})

describe('messages of very many fragments', () => {
  it('joins 100,000 fragments, at the cost of their bytes', async () => {
    const count = 100_000
    const fragment = clientFrame('continuation', '0123456789', { fin: false, mask: '01020304' })
    const bytes = Buffer.concat([
      clientFrame('binary', '', { fin: false }),
      ...Array.from({ length: count }, () => fragment),
      clientFrame('continuation'),
    ])
    const client = await large.open()
    client.write(bytes)
    const message = Buffer.from('0123456789'.repeat(count))
    expect((await client.bytes(10 + message.length)).subarray(10).equals(message)).toBe(true)
  })

  it('joins 100,000 empty fragments', async () => {
    const fragments = Buffer.from('008000000000'.repeat(100_000), 'hex')
    expect(await large.exchange('0182 00000000 6f6b', fragments, '8080 00000000')).toEqual(['text ok', 'close 1000'])
  })
})
