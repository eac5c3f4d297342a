import type { Heartbeat } from '../transport/heartbeat.ts'
import type { ServerCounters } from '../observe/server-counters.ts'
import type { ResolvedOptions } from '../options.ts'
import type { Outbox } from './outbox.ts'

/** What all connections of a server share. */
export interface PeerContext {
  readonly options: ResolvedOptions
  readonly outbox: Outbox
  readonly heartbeat: Heartbeat
  readonly counters: ServerCounters
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
