import type { Duplex } from 'node:stream'
import { closeCodes } from '../../asgi/close-codes.ts'
import type { Heartbeat, HeartbeatClient } from '../transport/heartbeat.ts'
import type { ResolvedOptions } from '../options.ts'
import type { PeerOwner, SlowOutcome } from '../websocket/peer-owner.ts'
import { TokenBucket } from './token-bucket.ts'

/** What limits need of a connection. */
export interface LimitedConnection extends PeerOwner {
  shutDown(code: number, reason: string): void
}

/** What connections share. */
interface LimitContext {
  readonly options: ResolvedOptions
  readonly heartbeat: Heartbeat
}

/**
 * Who is told what the peer of a connection does: the connection itself, unless what its client sends is limited. So a
 * server without these limits pays nothing for them.
 */
export function limitedOwner(connection: LimitedConnection, context: LimitContext): PeerOwner {
  const { maxMessagesPerSecond, idleTimeoutMs } = context.options
  if (maxMessagesPerSecond === false && idleTimeoutMs === false) return connection
  return new LimitedOwner(connection, context)
}

/** Closes an open connection whose client sends more bytes than it may. Control frames and unfinished messages count too. */
export function limitBytes(socket: Duplex, connection: LimitedConnection, options: ResolvedOptions): void {
  const { maxBytesPerSecond, rateBurstSeconds } = options
  if (maxBytesPerSecond === false) return
  const bucket = new TokenBucket(maxBytesPerSecond, rateBurstSeconds)
  // Before the parser: what is too much is not delivered.
  socket.prependListener('data', (chunk: Buffer) => {
    if (!bucket.take(chunk.length)) connection.shutDown(closeCodes.policyViolation, 'too many bytes a second')
  })
}

/** Stands between a peer and its connection and counts. */
class LimitedOwner implements PeerOwner, HeartbeatClient {
  readonly #connection: LimitedConnection
  readonly #context: LimitContext
  readonly #messages: TokenBucket | undefined
  #lastMessageAt = performance.now()

  constructor(connection: LimitedConnection, context: LimitContext) {
    const { maxMessagesPerSecond, rateBurstSeconds, idleTimeoutMs } = context.options
    this.#connection = connection
    this.#context = context
    this.#messages =
      maxMessagesPerSecond === false ? undefined : new TokenBucket(maxMessagesPerSecond, rateBurstSeconds)
    if (idleTimeoutMs !== false) context.heartbeat.add(this)
  }

  messageReceived(message: string | Buffer): boolean {
    const now = performance.now()
    this.#lastMessageAt = now
    if (this.#messages === undefined || this.#messages.take(1, now)) return this.#connection.messageReceived(message)
    this.#connection.shutDown(closeCodes.policyViolation, 'too many messages a second')
    return true
  }

  check(now: number): void {
    if (now - this.#lastMessageAt < (this.#context.options.idleTimeoutMs as number)) return
    this.#connection.shutDown(closeCodes.normal, 'no message for too long')
  }

  readsTooSlowly(outcome: SlowOutcome): void {
    this.#connection.readsTooSlowly(outcome)
  }

  peerClosed(code: number, reason: string): void {
    this.#context.heartbeat.delete(this)
    this.#connection.peerClosed(code, reason)
  }

  socketClosed(): void {
    this.#connection.socketClosed()
  }
}
