import type { BackoffOptions } from './backoff.ts'
import type { CloseCodes } from './close-policy.ts'
import type { Page, Scope } from './environment.ts'
import { ClientError } from './errors.ts'
import type { HeartbeatOptions } from './liveness.ts'
import type { OutboxOptions } from './outbox.ts'
import type { WebSocketConstructor } from './web-socket-port.ts'

/** What a function that is asked at each attempt is told. */
export interface AttemptContext {
  /** 1 for the first attempt and for the first one after a connection that reached `minUptimeMs`. */
  readonly attempt: number
  /** Aborted when the attempt is given up, by its time-out or by `close()`. */
  readonly signal: AbortSignal
}

/** A value, or a function that is asked for it at each attempt. */
export type Provided<T> = T | ((context: AttemptContext) => T | Promise<T>)

/** The options that every connection has. Times are in milliseconds. */
export interface ConnectionOptions {
  /** Subprotocols to offer, or a function that returns them. @default [] */
  readonly protocols?: Provided<string | readonly string[]>
  /**
   * Who this is: a token, or a function that returns one. It is offered as the subprotocols `bearer` and the token, of
   * which the server must accept `bearer`. Nothing is offered for an empty one. @default none
   */
  readonly token?: Provided<string | null | undefined>
  /** The WebSocket class to use. @default the global one */
  readonly WebSocket?: WebSocketConstructor
  /** How long an attempt may take, the functions above included. @default 10000 */
  readonly connectTimeoutMs?: number
  /** How long a connection must last before the back-off begins anew. @default 5000 */
  readonly minUptimeMs?: number
  /** The waits between attempts. */
  readonly backoff?: BackoffOptions
  /** The close codes that are final. @default [1008, [4400, 4499]] */
  readonly stopCodes?: CloseCodes
  /** After a 1012 the client comes back within this time. @default 5000 */
  readonly restartSpreadMs?: number
  /** After a 1013 the client stays away for at least this time and at most twice as long. @default 15000 */
  readonly tryLaterMs?: number
  /** The test of a silent connection, for servers that answer it. @default false */
  readonly heartbeat?: false | HeartbeatOptions
  /** What may wait while there is no connection; `false`: nothing. */
  readonly outbox?: false | OutboxOptions
  /** While the socket itself holds more bytes than this (`bufferedAmount`), messages stay in the outbox. @default 1048576 */
  readonly maxBufferedBytes?: number
  /** A larger message from the server is dropped with an `error` event; characters of a text count as bytes. @default 16777216 */
  readonly maxMessageBytes?: number
  /** Random numbers in [0, 1), for tests. @default Math.random */
  readonly random?: () => number
  /** Whose events of network and visibility are watched; `{}`: nobody's. @default the global scope */
  readonly page?: Partial<Page>
}

/** Every option with its value. */
export interface ResolvedOptions extends Required<Omit<ConnectionOptions, 'backoff' | 'heartbeat' | 'outbox'>> {
  readonly url: Provided<string | URL>
  readonly backoff: Required<BackoffOptions>
  readonly heartbeat: false | Required<HeartbeatOptions>
  readonly outbox: Required<OutboxOptions>
}

/** The global scope. */
export const scope = globalThis as Scope

/** Fills in the defaults. Throws `ERR_NO_WEBSOCKET` and `ERR_BAD_OPTION`. */
export function resolveOptions(url: Provided<string | URL>, options: ConnectionOptions): ResolvedOptions {
  const resolved = {
    url,
    protocols: [],
    token: '',
    WebSocket: scope.WebSocket,
    connectTimeoutMs: 10_000,
    minUptimeMs: 5_000,
    stopCodes: [1008, [4400, 4499]] as const,
    restartSpreadMs: 5_000,
    tryLaterMs: 15_000,
    maxBufferedBytes: 1_048_576,
    maxMessageBytes: 16_777_216,
    random: Math.random,
    page: scope,
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
      whenFull: 'refuse' as const,
      ...options.outbox,
    },
  }
  if (!resolved.WebSocket) throw new ClientError('ERR_NO_WEBSOCKET', 'No global WebSocket: pass one')
  for (const group of [resolved, resolved.backoff, resolved.heartbeat, resolved.outbox])
    for (const [name, value] of Object.entries(group))
      // By the names that hold numbers, so that `undefined` and NaN are found too.
      if (/Ms$|^max/.test(name) && !(value >= 0)) throw new ClientError('ERR_BAD_OPTION', name)
  return resolved as ResolvedOptions
}
