import type { Logger } from '../../asgi/logger.ts'
import type { CompressionOptions } from './deflate/compression-options.ts'

/**
 * The policy for a connection whose peer does not read: `close` it with 1013 after `slowConsumerTimeoutMs` above the high-water
 * mark; `drop` messages while it is above; or `wait` as long as the peer answers pings and reads within `sendTimeoutMs`.
 */
export type SlowConsumerPolicy = 'close' | 'drop' | 'wait'

/** Options of a server's WebSocket side. */
export interface WebSocketOptions {
  /**
   * The largest message that a client may send, in bytes; one over it closes the connection with 1009. No more than a
   * string can hold (`buffer.constants.MAX_STRING_LENGTH`).
   * @default 1048576
   */
  readonly maxMessageBytes?: number
  /**
   * How long the application may take to accept or refuse a handshake before the server responds with 503. A denial
   * response may take the same time again.
   * @default 5000
   */
  readonly connectTimeoutMs?: number
  /** The time without data from the peer after which the server sends a ping; `false`: no pings. @default 20000 */
  readonly pingIntervalMs?: number | false
  /** How long the peer may take to answer a ping before the connection counts as lost. @default 30000 */
  readonly pingTimeoutMs?: number
  /** How long the peer may take to answer a close frame before the server destroys the connection. @default 5000 */
  readonly closeTimeoutMs?: number
  /** How many unsent bytes a connection may have before `send()` returns a promise. @default 1048576 */
  readonly highWaterMarkBytes?: number
  /** The policy for a connection that stays above its high-water mark. @default 'close' */
  readonly slowConsumer?: SlowConsumerPolicy
  /** How long a connection may stay above its high-water mark under the policy `close`. @default 30000 */
  readonly slowConsumerTimeoutMs?: number
  /** How many unsent bytes end a connection at once with 1013, whatever the policy. @default 16777216 */
  readonly maxBufferedBytes?: number
  /** Queued messages for the application before the server stops reading the connection. @default 16 */
  readonly maxInboxMessages?: number
  /** Bytes of queued messages for the application before the server stops reading the connection. @default 1048576 */
  readonly maxInboxBytes?: number
  /**
   * Compression of messages for clients that offer it (permessage-deflate, RFC 7692); `{}`: with its defaults.
   * Off by default, because it costs time per message and reveals secrets next to text that an attacker chooses.
   * @default false
   */
  readonly compression?: false | CompressionOptions
}

/** The defaults of {@link WebSocketOptions}: times in milliseconds, sizes in bytes. */
export const webSocketDefaults: Readonly<Required<WebSocketOptions>> = Object.freeze({
  maxMessageBytes: 1024 * 1024,
  connectTimeoutMs: 5000,
  pingIntervalMs: 20_000,
  pingTimeoutMs: 30_000,
  closeTimeoutMs: 5000,
  highWaterMarkBytes: 1024 * 1024,
  slowConsumer: 'close',
  slowConsumerTimeoutMs: 30_000,
  maxBufferedBytes: 16 * 1024 * 1024,
  maxInboxMessages: 16,
  maxInboxBytes: 1024 * 1024,
  compression: false,
})

/** The values of {@link SlowConsumerPolicy}. */
export const slowConsumerPolicies: readonly unknown[] = ['close', 'drop', 'wait'] satisfies SlowConsumerPolicy[]

/** The options of a server that a connection uses. */
export interface ConnectionSettings extends Readonly<Required<WebSocketOptions>> {
  readonly applicationCloseTimeoutMs: number
  readonly maxAgeMs: number | false
  readonly logger: Logger
}
