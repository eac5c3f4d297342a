import type { BackoffOptions } from './backoff.ts'
import type { CloseCodes } from './close-policy.ts'
import type { LifecycleTarget, Scope } from './environment.ts'
import { ClientError } from './errors.ts'
import type { HeartbeatOptions } from './liveness.ts'
import type { OutboxOptions } from './outbox.ts'
import type { WebSocketConstructor } from './web-socket-port.ts'

/** The argument of a provider function. */
export interface AttemptContext {
  /** 1 for the first attempt, and for the first one after a connection that reached `minUptimeMs`. */
  readonly attempt: number
  /** Aborts if the attempt ends early, by its timeout or by `close()`. */
  readonly signal: AbortSignal
}

/** A value, or a function that the client calls for it at each attempt. */
export type ValueOrProvider<T> = T | ((context: AttemptContext) => T | Promise<T>)

/** The options of every connection. Times are in milliseconds. */
export interface ConnectionOptions {
  /** Subprotocols to offer, or a function that returns them. @default [] */
  readonly protocols?: ValueOrProvider<string | readonly string[]>
  /**
   * A bearer token, or a function that returns one. The client offers it as the subprotocols `bearer` and the token,
   * and the server must accept `bearer`. An empty token offers nothing. @default none
   */
  readonly token?: ValueOrProvider<string | null | undefined>
  /** The WebSocket class. @default the global one */
  readonly WebSocket?: WebSocketConstructor
  /** The timeout of an attempt, including the functions above. @default 10000 */
  readonly connectTimeoutMs?: number
  /** The uptime of a connection that resets the back-off. @default 5000 */
  readonly minUptimeMs?: number
  /** The delays between attempts. */
  readonly backoff?: BackoffOptions
  /** The close codes after which the client does not reconnect. @default [1008, [4400, 4499]] */
  readonly stopCodes?: CloseCodes
  /** After a 1012 the client reconnects within this time. @default 5000 */
  readonly restartSpreadMs?: number
  /** After a 1013 the client waits for at least this time and at most twice as long. @default 15000 */
  readonly tryLaterMs?: number
  /** The test of a silent connection, for servers that answer it. @default false */
  readonly heartbeat?: false | HeartbeatOptions
  /** The limits of the outbox, which holds messages while there is no connection. `false` holds none. */
  readonly outbox?: false | OutboxOptions
  /** Messages stay in the outbox while the socket's `bufferedAmount` is above this number of bytes. @default 1048576 */
  readonly maxBufferedBytes?: number
  /** A larger message from the server is dropped with an `error` event. For text, characters count as bytes. @default 16777216 */
  readonly maxMessageBytes?: number
  /** Random numbers in [0, 1), for tests. @default Math.random */
  readonly random?: () => number
  /** The source of network and visibility events. `{}` watches none. @default the global scope */
  readonly lifecycleTarget?: Partial<LifecycleTarget>
}

/** The options with all defaults filled in. */
export interface ResolvedOptions extends Required<
  Omit<ConnectionOptions, 'backoff' | 'heartbeat' | 'outbox' | 'WebSocket'>
> {
  readonly url: ValueOrProvider<string | URL>
  readonly backoff: Required<BackoffOptions>
  readonly heartbeat: false | Required<HeartbeatOptions>
  readonly outbox: Required<OutboxOptions>
  /** The live client replaces it when it has chosen another transport. */
  WebSocket: WebSocketConstructor
}

/** The global scope. */
export const scope = globalThis as Scope

/** Fills in the defaults. Throws `ERR_NO_WEBSOCKET` and `ERR_BAD_OPTION`. */
export function resolveOptions(url: ValueOrProvider<string | URL>, options: ConnectionOptions): ResolvedOptions {
  const resolved = {
    url,
    protocols: [],
    WebSocket: scope.WebSocket,
    connectTimeoutMs: 10_000,
    minUptimeMs: 5_000,
    stopCodes: [1008, [4400, 4499]] as const,
    restartSpreadMs: 5_000,
    tryLaterMs: 15_000,
    maxBufferedBytes: 1_048_576,
    maxMessageBytes: 16_777_216,
    random: Math.random,
    lifecycleTarget: scope,
    ...options,
    backoff: { baseMs: 2_000, capMs: 30_000, ...options.backoff },
    heartbeat: !!options.heartbeat && {
      intervalMs: 25_000,
      timeoutMs: 10_000,
      ping: '{"type":"ping"}',
      pong: '{"type":"pong"}',
      ...options.heartbeat,
    },
    outbox: {
      maxMessages: options.outbox === false ? 0 : 1_000,
      maxBytes: 1_048_576,
      maxAgeMs: 300_000,
      overflow: 'refuse' as const,
      ...options.outbox,
    },
  }
  if (!resolved.WebSocket) throw new ClientError('ERR_NO_WEBSOCKET', 'No global WebSocket: pass one')
  for (const group of [resolved, resolved.backoff, resolved.heartbeat, resolved.outbox])
    for (const [name, value] of Object.entries(group))
      // Selected by name, not by type, so that `undefined` and NaN are rejected too.
      if (/Ms$|^max/.test(name) && !(value >= 0)) throw new ClientError('ERR_BAD_OPTION', name)
  return resolved as ResolvedOptions
}
