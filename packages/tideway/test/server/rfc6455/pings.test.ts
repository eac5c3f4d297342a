import { describe, expect, it } from 'vitest'
import { clientFrame } from '../frames.ts'
import { withEchoServer } from './exchange.ts'

const { exchange, exchangeBytewise } = withEchoServer()

describe('pings and pongs (Autobahn 2, RFC 6455 §5.5)', () => {
  it('answers an empty ping', async () => {
    expect(await exchange('8980 00000000')).toEqual(['pong ', 'close 1000'])
  })

  it('answers a ping with its text', async () => {
    expect(await exchange('8985 37fa213d 7f9f4d5158')).toEqual(['pong Hello', 'close 1000'])
  })

  it('answers a ping with bytes that are not UTF-8', async () => {
    const bytes = Buffer.from('00ff fe fd fc fb'.replaceAll(' ', ''), 'hex')
    expect(await exchange(clientFrame('ping', bytes))).toEqual([`pong ${bytes.toString()}`, 'close 1000'])
  })

  it('answers a ping of 125 bytes', async () => {
    expect(await exchange(clientFrame('ping', '*'.repeat(125)))).toEqual([`pong ${'*'.repeat(125)}`, 'close 1000'])
  })

  it('refuses a ping of 126 bytes with 1002', async () => {
    expect(await exchange(clientFrame('ping', '*'.repeat(126)))).toEqual(['close 1002'])
  })

  it('refuses a pong of 65,536 bytes with 1002', async () => {
    expect(await exchange(clientFrame('pong', '*'.repeat(65_536)))).toEqual(['close 1002'])
  })

  it('answers a ping of 125 bytes that arrive one by one', async () => {
    const ping = clientFrame('ping', '*'.repeat(125), { mask: '01020304' })
    expect(await exchangeBytewise(ping)).toEqual([`pong ${'*'.repeat(125)}`, 'close 1000'])
  })

  it.each([
    ['an empty pong', '8a80 00000000'],
    ['a pong with a text', '8a85 37fa213d 7f9f4d5158'],
  ])('accepts %s without a ping', async (_what, pong) => {
    expect(await exchange(pong, '8980 00000000')).toEqual(['pong ', 'close 1000'])
  })

  it('answers ten pings in order', async () => {
    const pings = Array.from({ length: 10 }, (_, i) => clientFrame('ping', `ping ${i}`))
    const pongs = Array.from({ length: 10 }, (_, i) => `pong ping ${i}`)
    expect(await exchange(...pings)).toEqual([...pongs, 'close 1000'])
    expect(await exchangeBytewise(...pings)).toEqual([...pongs, 'close 1000'])
  })
})
