import { constants } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Instrumentation } from '../asgi/instrumentation.ts'
import { guardedLogger } from '../asgi/guarded-logger.ts'
import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { MAX_TIMER_MS } from '../errors/option-checks.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { AccessLog } from './observe/access-log/access-entry.ts'
import type { InspectorOptions } from './inspector/inspector-options.ts'
import { limitDefaults, type LimitOptions, type RequestLimitOptions } from './limits/limit-options.ts'
import type { ListenTarget } from './listen/listen-target.ts'
import type { MetricsOptions } from './metrics/metrics-options.ts'
import type { TlsOptions } from './transport/tls/tls-options.ts'
import { DEFAULT_TRUSTED_PROXIES } from './handshake/trusted-proxies.ts'
import { httpDefaults, type HttpOptions } from './http/http-options.ts'
import { slowConsumerPolicies, webSocketDefaults, type WebSocketOptions } from './websocket/websocket-options.ts'

/** The options of `close()`. */
export interface DrainingOptions {
  /**
   * The period over which `close()` closes the WebSockets, in batches, and over which their clients are asked to reconnect. Up to a
   * hundred are closed at once. 0: all at once.
   * @default 5000
   */
  readonly drainWindowMs?: number
  /** How long `close()` waits for connections and requests to end before it destroys them. @default 10000 */
  readonly drainTimeoutMs?: number
  /**
   * A path, such as `/readyz`, that the server answers with 200, and with 503 from the start of `close()`, so that a load
   * balancer sends no more clients. With it, the server listens until the end of its drain and answers other new requests with 503.
   * @default false
   */
  readonly readinessPath?: string | false
}

/** The options of `attach()`. */
export interface AttachOptions extends WebSocketOptions, HttpOptions, DrainingOptions, LimitOptions {
  /** How long an application may run after the end of its connection, before the server logs a warning. @default 10000 */
  readonly applicationCloseTimeoutMs?: number
  /** The path under which the application is mounted: the value of `scope.rootPath`. @default '' */
  readonly rootPath?: string
  /**
   * Whether the server reads the client and its scheme from the headers of {@link trustedProxies} (`X-Forwarded-For` and `-Proto`, or
   * `Forwarded`).
   * @default false
   */
  readonly proxyHeaders?: boolean
  /** The proxies whose headers are trusted, by address or range; `'unix'` for Unix sockets. @default ['127.0.0.0/8', '::1/128'] */
  readonly trustedProxies?: readonly string[]
  /**
   * The hosts that the server answers for, as Django's `ALLOWED_HOSTS`: `example.com`, `.example.com` with its subdomains, `*`. A
   * request or handshake with another `Host` gets 400. `false`: any host.
   * @default false
   */
  readonly allowedHosts?: readonly string[] | false
  /** The state of the application: each `scope.state` is a shallow copy of it. `serve()` gets it from the lifespan. @default none */
  readonly state?: Readonly<Record<string, unknown>> | undefined
  /**
   * Called for each completed request, and for each WebSocket that connects, is rejected or disconnects. `commonLogLine` and
   * `jsonLogLine` format its argument.
   * @default false
   */
  readonly accessLog?: AccessLog | false
  /**
   * More names of query parameters whose values are redacted in log lines, such as the `ticketName` of the application. Case, `-` and
   * `_` are ignored. Names such as `token`, `ws_token`, `api-key` and `password` are always redacted.
   * @default []
   */
  readonly secretQueryNames?: readonly string[]
  /** The logger of the server. @default the console */
  readonly logger?: Logger
  /** Called for requests, connections and handlers while they run: for traces. @default none */
  readonly instrumentation?: Instrumentation | undefined
}

/** The additional options of `attach()`, for a server that has other listeners. */
export interface SharedServerOptions {
  /**
   * Returns whether a handshake belongs to the application. Other handshakes are left to other `upgrade` listeners of the server, such
   * as the hot reload of a development server. Without such a listener, the application gets them too.
   * @default all
   */
  readonly handles?: ((request: IncomingMessage) => boolean) | undefined
}

/** The options of `serve()`. */
export interface ServeOptions extends AttachOptions, RequestLimitOptions, TlsOptions, MetricsOptions, InspectorOptions {
  /** How long the application may take for its startup, and for its shutdown. @default 60000 */
  readonly lifespanTimeoutMs?: number
  /**
   * Called and awaited by `close()` after the last connection and before the application's shutdown: for work that connections
   * started and that needs resources which the shutdown releases. @default none
   */
  readonly beforeShutdown?: () => Promise<void>
  /** Whether the application gets the lifespan events of its startup and shutdown. @default true */
  readonly lifespan?: boolean
  /** TCP port to listen on; 0 for any free one. @default 8000 */
  readonly port?: number
  /** Name or address to listen on; an IPv6 address may stand in brackets. @default '127.0.0.1' */
  readonly host?: string
  /**
   * More targets to listen on: TCP addresses, Unix sockets, inherited descriptors. With it, `host` and `port` have their
   * defaults only if one of the two is given.
   * @default none
   */
  readonly listen?: readonly ListenTarget[]
}

/** {@link AttachOptions} with every default filled in. */
export type ResolvedOptions = Readonly<Required<AttachOptions>>

/** The defaults of {@link AttachOptions}: times in milliseconds, sizes in bytes. */
export const serverDefaults: ResolvedOptions = Object.freeze({
  ...webSocketDefaults,
  ...httpDefaults,
  applicationCloseTimeoutMs: 10_000,
  ...limitDefaults,
  drainWindowMs: 5000,
  drainTimeoutMs: 10_000,
  readinessPath: false,
  rootPath: '',
  proxyHeaders: false,
  trustedProxies: DEFAULT_TRUSTED_PROXIES,
  allowedHosts: false,
  state: undefined,
  accessLog: false,
  secretQueryNames: Object.freeze([]),
  logger: consoleLogger,
  instrumentation: undefined,
})

/** The options that `false` turns off. */
const mayBeFalse: ReadonlySet<string> = new Set<keyof AttachOptions>([
  'pingIntervalMs',
  'httpTimeoutMs',
  'maxConnections',
  'maxConnectionsPerAddress',
  'maxBufferedBytesTotal',
  'maxRequestsPerConnection',
  'maxMessagesPerSecond',
  'maxBytesPerSecond',
  'idleTimeoutMs',
  'maxAgeMs',
])

/** The options that allow 0: at once. */
const mayBeZero: ReadonlySet<string> = new Set<keyof AttachOptions>(['drainWindowMs'])

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` for a value outside its range */
export function resolveOptions(options: AttachOptions): ResolvedOptions {
  // Ignores the options of serve().
  const given = Object.entries(options).filter(([name, value]) => value !== undefined && name in serverDefaults)
  const resolved = { ...serverDefaults, ...(Object.fromEntries(given) as AttachOptions) }
  for (const [name, fallback] of Object.entries(serverDefaults)) {
    if (typeof fallback === 'number' || mayBeFalse.has(name)) requireNumber(name, resolved[name as keyof AttachOptions])
  }
  if (!slowConsumerPolicies.includes(resolved.slowConsumer)) {
    throw new TidewayError('ERR_BAD_OPTION', `slowConsumer must be one of ${slowConsumerPolicies.join(', ')}.`)
  }
  return { ...resolved, logger: guardedLogger(resolved.logger) }
}

function requireNumber(name: string, value: unknown): void {
  if (value === false && mayBeFalse.has(name)) return
  const max = name.endsWith('Ms') ? MAX_TIMER_MS : name === 'maxMessageBytes' ? constants.MAX_STRING_LENGTH : Infinity
  if (typeof value === 'number' && value <= max && (value > 0 || (value === 0 && mayBeZero.has(name)))) return
  const range = max === Infinity ? 'over 0' : `over 0 and at most ${max}`
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a number ${range}, not ${JSON.stringify(value)}.`)
}

/** Returns the shortest timeout that the heartbeat of a server checks, in milliseconds. */
export function shortestTimeout(options: ResolvedOptions): number {
  const { connectTimeoutMs, pingIntervalMs, pingTimeoutMs, closeTimeoutMs, slowConsumerTimeoutMs } = options
  const { applicationCloseTimeoutMs, idleTimeoutMs, maxAgeMs } = options
  const times = [connectTimeoutMs, pingTimeoutMs, closeTimeoutMs, slowConsumerTimeoutMs, applicationCloseTimeoutMs]
  const mayBeOff = [pingIntervalMs, idleTimeoutMs, maxAgeMs].filter((time) => time !== false)
  return Math.min(...times, ...mayBeOff)
}
