import { closeCodes } from '../../asgi/close-codes.ts'
import { TokenBucket } from '../../errors/token-bucket.ts'
import type { Heartbeat, HeartbeatClient } from '../transport/heartbeat.ts'
import type { LimitedConnection, PeerOwner, SlowOutcome, TrafficLimits } from '../websocket/peer-owner.ts'
import type { LimitOptions } from './limit-options.ts'

/** The limits of one connection. */
type MessageLimits = Readonly<
  Required<Pick<LimitOptions, 'maxMessagesPerSecond' | 'maxBytesPerSecond' | 'idleTimeoutMs' | 'rateBurstSeconds'>>
>

/** Returns the limits of what a client sends, or `undefined` if no limit is set, so that a server without limits has no cost. */
export function trafficLimits(limits: MessageLimits, heartbeat: Heartbeat): TrafficLimits | undefined {
  const { maxMessagesPerSecond, maxBytesPerSecond, idleTimeoutMs, rateBurstSeconds } = limits
  const areMessagesLimited = maxMessagesPerSecond !== false || idleTimeoutMs !== false
  if (!areMessagesLimited && maxBytesPerSecond === false) return undefined
  return {
    ownerOf: (connection) => (areMessagesLimited ? new LimitedOwner(connection, limits, heartbeat) : connection),
    countBytes(socket, connection) {
      if (maxBytesPerSecond === false) return
      const bucket = new TokenBucket(maxBytesPerSecond, maxBytesPerSecond * rateBurstSeconds)
      // Before the parser, so that bytes above the limit are not delivered. Control frames and unfinished messages count too.
      socket.prependListener('data', (chunk: Buffer) => {
        if (!bucket.take(chunk.length)) connection.shutDown(closeCodes.policyViolation, 'too many bytes per second')
      })
    },
  }
}

/** Forwards the notifications of a peer to its connection, and counts messages. */
class LimitedOwner implements PeerOwner, HeartbeatClient {
  readonly #connection: LimitedConnection
  readonly #heartbeat: Heartbeat
  readonly #idleTimeoutMs: number | false
  readonly #messages: TokenBucket | undefined
  #lastMessageAt = performance.now()

  constructor(connection: LimitedConnection, limits: MessageLimits, heartbeat: Heartbeat) {
    const { maxMessagesPerSecond, rateBurstSeconds, idleTimeoutMs } = limits
    this.#connection = connection
    this.#heartbeat = heartbeat
    this.#idleTimeoutMs = idleTimeoutMs
    this.#messages =
      maxMessagesPerSecond === false
        ? undefined
        : new TokenBucket(maxMessagesPerSecond, maxMessagesPerSecond * rateBurstSeconds)
    if (idleTimeoutMs !== false) heartbeat.add(this)
  }

  onMessage(message: string | Buffer): boolean {
    const now = performance.now()
    this.#lastMessageAt = now
    if (this.#messages === undefined || this.#messages.take(1, now)) return this.#connection.onMessage(message)
    this.#connection.shutDown(closeCodes.policyViolation, 'too many messages per second')
    return true
  }

  check(now: number): void {
    if (this.#idleTimeoutMs === false || now - this.#lastMessageAt < this.#idleTimeoutMs) return
    this.#connection.shutDown(closeCodes.normal, 'no message for too long')
  }

  onSlow(outcome: SlowOutcome): void {
    this.#connection.onSlow(outcome)
  }

  onPeerClosed(code: number, reason: string): void {
    this.#heartbeat.delete(this)
    this.#connection.onPeerClosed(code, reason)
  }

  onSocketClosed(): void {
    this.#connection.onSocketClosed()
  }
}
