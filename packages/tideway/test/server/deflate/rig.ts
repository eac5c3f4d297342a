import { Duplex } from 'node:stream'
import { onTestFinished } from 'vitest'
import { Heartbeat } from '../../../src/server/transport/heartbeat.ts'
import { ServerCounters } from '../../../src/server/observe/server-counters.ts'
import { resolveOptions, type AttachOptions } from '../../../src/server/options.ts'
import type { CompressionOptions } from '../../../src/server/websocket/deflate/compression-options.ts'
import { Compression } from '../../../src/server/websocket/deflate/compression.ts'
import { Outbox } from '../../../src/server/websocket/outbox.ts'
import type { PeerOwner } from '../../../src/server/websocket/peer-owner.ts'
import { WebSocketPeer } from '../../../src/server/websocket/websocket-peer.ts'

/** A socket without a network: what is written to it is kept, what comes in is pushed. */
class MemorySocket extends Duplex {
  readonly written: Buffer[] = []
  /** Called by a write that waits to be let through; `undefined`: all are. */
  held: (() => void)[] | undefined

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    this.written.push(chunk)
    if (this.held === undefined) done()
    else this.held.push(done)
  }

  override _read(): void {}
}

/** A compressed peer, the socket under it, and what it told its owner. */
export interface Rig {
  readonly peer: WebSocketPeer
  readonly socket: MemorySocket
  readonly messages: (string | Buffer)[]
  readonly events: string[]
  /** Whether the owner takes more messages. */
  takesMore: boolean
}

/** Several peers of one server, opened with the same offer. */
export function rigs(
  count: number,
  offer: string,
  compressionOptions: CompressionOptions = {},
  options: AttachOptions = {},
): { readonly rigs: readonly Rig[]; readonly compression: Compression } {
  const compression = new Compression(compressionOptions)
  const agreed = compression.negotiate(offer)
  if (agreed === undefined || agreed === 'malformed') throw new Error('Nothing was agreed on.')
  const context = {
    options: resolveOptions(options),
    outbox: new Outbox(),
    heartbeat: new Heartbeat(1000),
    buffered: { added() {} },
    counters: new ServerCounters(),
  }
  const all = Array.from({ length: count }, () => {
    const socket = new MemorySocket()
    onTestFinished(() => void socket.destroy())
    const rig: { -readonly [Key in keyof Rig]: Rig[Key] } = {
      socket,
      messages: [],
      events: [],
      takesMore: true,
      peer: undefined as never,
    }
    const owner: PeerOwner = {
      onMessage(message) {
        rig.messages.push(message)
        return rig.takesMore
      },
      onSlow: (outcome) => void rig.events.push(`slow: ${outcome}`),
      onPeerClosed: (code) => void rig.events.push(`closed ${code}`),
      onSocketClosed: () => void rig.events.push('gone'),
    }
    rig.peer = new WebSocketPeer(socket, context, owner, { compression, parameters: agreed })
    rig.peer.open()
    socket.written.length = 0
    return rig
  })
  return { rigs: all, compression }
}

/** The end of this turn of the event loop: what was sent is written. */
export function endOfTick(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
