import { Socket } from 'node:net'
import { describe, expect, it } from 'vitest'
import { ConnectionGate } from '../../../src/server/limits/connection-gate.ts'
import { resolveOptions, type AttachOptions } from '../../../src/server/options.ts'

/** A socket that is not connected, of a client with this address. */
function socketOf(address: string): Socket {
  return Object.defineProperty(new Socket(), 'remoteAddress', { value: address })
}

function gateOf(options: AttachOptions): ConnectionGate {
  return new ConnectionGate(resolveOptions(options))
}

describe('ConnectionGate', () => {
  it('destroys sockets of an address with far too many, and never a socket of another address', () => {
    const gate = gateOf({ maxConnectionsPerAddress: 1 })
    const greedy = Array.from({ length: 1100 }, () => socketOf('192.0.2.1'))
    for (const socket of greedy) gate.onConnection(socket)
    expect(greedy.filter(({ destroyed }) => destroyed)).toHaveLength(1100 - 1 - 1024)
    const victim = socketOf('192.0.2.2')
    gate.onConnection(victim)
    expect(victim.destroyed).toBe(false)
    const head = { method: 'GET', url: '/', httpVersion: '1.1', headers: {}, rawHeaders: [] }
    expect(gate.refusalOf({ ...head, socket: victim })).toBeUndefined()
    expect(gate.refusalOf({ ...head, socket: greedy[1]! })).toMatchObject({ status: 429 })
    for (const socket of [...greedy, victim]) socket.destroy()
  })

  it.each([
    ['addresses of one IPv6 /64 network', '2001:db8::1', '2001:DB8:0:0:ffff::2', 429],
    ['addresses of two IPv6 networks', '2001:db8::1', '2001:db8:0:1::1', undefined],
    ['an IPv4 address and its form as IPv6', '192.0.2.1', '::ffff:192.0.2.1', 429],
    ['two IPv4 addresses as IPv6', '::ffff:192.0.2.1', '::ffff:192.0.2.2', undefined],
  ])('counts %s', (_what, first, second, status) => {
    const gate = gateOf({ maxConnectionsPerAddress: 1 })
    const sockets = [socketOf(first), socketOf(second)]
    for (const socket of sockets) gate.onConnection(socket)
    const head = { method: 'GET', url: '/', httpVersion: '1.1', headers: {}, rawHeaders: [] }
    expect(gate.refusalOf({ ...head, socket: sockets[1]! })?.status).toBe(status)
    for (const socket of sockets) socket.destroy()
  })
})
