import type { Duplex } from 'node:stream'
import type { BufferedBytes } from '../transport/buffered-bytes.ts'
import type { Heartbeat } from '../transport/heartbeat.ts'
import type { ConnectionCounters } from './connection-counters.ts'
import type { Outbox } from './outbox.ts'
import type { ConnectionSettings } from './websocket-options.ts'

/** What all connections of a server share. */
export interface PeerContext {
  readonly options: ConnectionSettings
  readonly outbox: Outbox
  readonly heartbeat: Heartbeat
  /** Is told of bytes that may have to be kept. */
  readonly buffered: Pick<BufferedBytes, 'added'>
  readonly counters: ConnectionCounters
}

/** What became of a peer that reads too slowly. */
export type SlowOutcome = 'closed' | 'messages dropped'

/** Who is told what the peer does. */
export interface PeerOwner {
  /** A message has come. `false`: read no more until `resume()` of the peer. */
  messageReceived(message: string | Buffer): boolean
  /** The peer reads so slowly that its connection is closed, or that messages for it are dropped. */
  readsTooSlowly(outcome: SlowOutcome): void
  /** The connection has ended, as far as anybody can still say something. Called exactly once. */
  peerClosed(code: number, reason: string): void
  /** The socket is gone. Called exactly once, after `peerClosed`. */
  socketClosed(): void
}

/** A connection whose client may be limited. */
export interface LimitedConnection extends PeerOwner {
  shutDown(code: number, reason: string): void
}

/** Limits of what clients send, for all connections of a server. */
export interface TrafficLimits {
  /** The owner for the peer of a connection: it forwards to the connection and counts messages. */
  ownerOf(connection: LimitedConnection): PeerOwner
  /** Counts the bytes of an open connection. */
  countBytes(socket: Duplex, connection: LimitedConnection): void
}
