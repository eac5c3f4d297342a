import { Duplex } from 'node:stream'
import { describe, expect, it } from 'vitest'
import {
  attachOwner,
  detachOwner,
  onSocketClosed,
  type SocketOwner,
} from '../../../src/server/transport/socket-owner.ts'

/** A socket that ends when it is destroyed, and what is called at its end. */
function socketWithOwner(): { socket: Duplex; owner: SocketOwner; calls: string[]; destroyed: () => Promise<void> } {
  const calls: string[] = []
  const socket = new Duplex({ read() {} })
  const owner: SocketOwner = { onData() {}, onDrain() {}, onEnd() {}, onClose: () => void calls.push('owner') }
  const destroyed = (): Promise<void> => new Promise((resolve) => socket.destroy().once('close', resolve))
  return { socket, owner, calls, destroyed }
}

describe('onSocketClosed()', () => {
  it.each(['before', 'after'])('calls the listener once, after an owner that was attached %s it', async (when) => {
    const { socket, owner, calls, destroyed } = socketWithOwner()
    if (when === 'before') attachOwner(socket, owner)
    onSocketClosed(socket, () => void calls.push('listener'))
    if (when === 'after') attachOwner(socket, owner)
    expect(socket.listenerCount('close')).toBe(1)
    await destroyed()
    expect(calls).toEqual(['owner', 'listener'])
  })

  it.each(['before', 'after'])(
    'calls the listener of a socket without an owner, detached %s the call',
    async (when) => {
      const { socket, owner, calls, destroyed } = socketWithOwner()
      attachOwner(socket, owner)
      if (when === 'before') detachOwner(socket)
      onSocketClosed(socket, () => void calls.push('listener'))
      if (when === 'after') detachOwner(socket)
      await destroyed()
      expect(calls).toEqual(['listener'])
    },
  )

  it('calls a second listener, with the socket as this', async () => {
    const { socket, calls, destroyed } = socketWithOwner()
    onSocketClosed(socket, function () {
      calls.push(this === socket ? 'first' : 'another socket')
    })
    onSocketClosed(socket, () => void calls.push('second'))
    await destroyed()
    expect(calls).toEqual(['first', 'second'])
  })

  it('calls the next owner after another one was detached', async () => {
    const { socket, owner, calls, destroyed } = socketWithOwner()
    attachOwner(socket, { ...owner, onClose: () => void calls.push('first owner') })
    onSocketClosed(socket, () => void calls.push('listener'))
    detachOwner(socket)
    attachOwner(socket, owner)
    await destroyed()
    expect(calls).toEqual(['owner', 'listener'])
  })
})
