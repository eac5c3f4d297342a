import type { Duplex } from 'node:stream'
import type { BufferedBytes } from '../transport/buffered-bytes.ts'
import type { Heartbeat } from '../transport/heartbeat.ts'
import type { ConnectionCounters } from './connection-counters.ts'
import type { Outbox } from './outbox.ts'
import type { ConnectionSettings } from './websocket-options.ts'

/** The shared objects of a server's connections. */
export interface PeerContext {
  readonly options: ConnectionSettings
  readonly outbox: Outbox
  readonly heartbeat: Heartbeat
  /** Counts bytes that the server may have to keep. */
  readonly buffered: Pick<BufferedBytes, 'added'>
  readonly counters: ConnectionCounters
}

/** The action against a peer that reads too slowly. */
export type SlowOutcome = 'closed' | 'messages dropped'

/** The listener of a peer. */
export interface PeerOwner {
  /** A message was received. `false`: the peer stops reading until `resume()`. */
  onMessage(message: string | Buffer): boolean
  /** The peer reads so slowly that its connection is closed or its messages are dropped. */
  onSlow(outcome: SlowOutcome): void
  /** The connection has ended: neither side can send another message. Called exactly once. */
  onPeerClosed(code: number, reason: string): void
  /** The socket has closed. Called exactly once, after `onPeerClosed`. */
  onSocketClosed(): void
}

/** A connection that traffic limits may close. */
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
