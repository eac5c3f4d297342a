import { constants } from 'node:buffer'
import type { IncomingMessage } from 'node:http'
import type { Instrumentation } from '../asgi/instrumentation.ts'
import { guardedLogger } from '../asgi/guarded-logger.ts'
import { consoleLogger, type Logger } from '../asgi/logger.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { AccessLog } from './observe/access-log/access-entry.ts'
import { limitDefaults, type LimitOptions, type RequestLimitOptions } from './limits/limit-options.ts'
import type { ListenTarget } from './listen/listen-target.ts'
import type { MetricsOptions } from './metrics/metrics-options.ts'
import type { TlsOptions } from './transport/tls/tls-options.ts'
import { DEFAULT_TRUSTED_PROXIES } from './handshake/trusted-proxies.ts'
import { httpDefaults, type HttpOptions } from './http/http-options.ts'
import { slowConsumerPolicies, webSocketDefaults, type WebSocketOptions } from './websocket/websocket-options.ts'

/** How a server ends. */
export interface DrainingOptions {
  /**
   * Over how long `close()` closes the WebSockets, in batches, and over how long it tells their clients to come back. As
   * few as a hundred are closed at once. 0: all at once.
   * @default 5000
   */
  readonly drainWindowMs?: number
  /** How long `close()` waits for connections and requests to end before it cuts them. @default 10000 */
  readonly drainTimeoutMs?: number
  /**
   * A path, such as `/readyz`, that is answered with 200, and with 503 from the beginning of `close()`, so that a load
   * balancer sends no more. With it, the server listens to the end of its drain, and refuses what else comes with 503.
   * @default false
   */
  readonly readinessPath?: string | false
}

/** What `attach()` takes. */
export interface AttachOptions extends WebSocketOptions, HttpOptions, DrainingOptions, LimitOptions {
  /** How long an application may go on after its connection has ended before a warning names it. @default 10000 */
  readonly applicationCloseTimeoutMs?: number
  /** Where the application is mounted; put into `scope.rootPath`. @default '' */
  readonly rootPath?: string
  /**
   * Whether the headers of {@link trustedProxies} (`X-Forwarded-For` and `-Proto`, or `Forwarded`) name the client
   * and its scheme.
   * @default false
   */
  readonly proxyHeaders?: boolean
  /** The proxies that are believed, by address or range; `'unix'` for Unix sockets. @default ['127.0.0.0/8', '::1/128'] */
  readonly trustedProxies?: readonly string[]
  /**
   * The hosts that the server answers for, as Django's `ALLOWED_HOSTS`: `example.com`, `.example.com` with its subdomains, `*`. A
   * request or handshake whose `Host` is another one is answered with 400. `false`: any host.
   * @default false
   */
  readonly allowedHosts?: readonly string[] | false
  /** What `scope.state` of each connection is a shallow copy of; `serve` takes it from the lifespan. @default none */
  readonly state?: Readonly<Record<string, unknown>> | undefined
  /**
   * Is called for each request that is over, and for each WebSocket that connects, is rejected or disconnects.
   * `commonLogLine` and `jsonLogLine` make lines of what it is given.
   * @default false
   */
  readonly accessLog?: AccessLog | false
  /**
   * More names of query parameters whose values are left out of log lines, such as the `ticketName` of the application. Case, `-` and `_`
   * do not count. Names such as `token`, `ws_token`, `api-key` and `password` are always left out.
   * @default []
   */
  readonly secretQueryNames?: readonly string[]
  /** Where the server reports. @default the console */
  readonly logger?: Logger
  /** Is told of requests, connections and handlers while they run: for traces. @default none */
  readonly instrumentation?: Instrumentation | undefined
}

/** What `attach()` takes besides, for a server that others serve as well. */
export interface SharedServerOptions {
  /**
   * Which handshakes are the application's. Others are left to whoever else listens for `upgrade` on the server, as the hot
   * reload of a development server does; where nobody does, the application answers them too.
   * @default all
   */
  readonly handles?: ((request: IncomingMessage) => boolean) | undefined
}

/** What `serve()` takes. */
export interface ServeOptions extends AttachOptions, RequestLimitOptions, TlsOptions, MetricsOptions {
  /** How long the application may take for its start-up, and for its shutdown, in milliseconds. @default 60000 */
  readonly lifespanTimeoutMs?: number
  /**
   * What `close()` waits for when the connections have ended, before the application's shutdown: work that the
   * connections began and that needs what the shutdown lets go of. @default none
   */
  readonly beforeShutdown?: () => Promise<void>
  /** Whether the application is told of its start-up and shutdown. @default true */
  readonly lifespan?: boolean
  /** TCP port to listen on; 0 for a free one. @default 8000 */
  readonly port?: number
  /** Name or address to listen on; an IPv6 address may stand in brackets. @default '127.0.0.1' */
  readonly host?: string
  /**
   * Where else to listen: TCP addresses, Unix sockets, inherited descriptors. With it, `host` and `port` have their
   * defaults only when one of the two is given.
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

/** What `false` switches off. */
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

/** Longer ones fire at once: Node's timers count in 31 bits. */
const MAX_TIME_MS = 2 ** 31 - 1

/** Of these, 0 means at once. */
const mayBeZero: ReadonlySet<string> = new Set<keyof AttachOptions>(['drainWindowMs'])

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` for a value outside its range */
export function resolveOptions(options: AttachOptions): ResolvedOptions {
  // What is for serve() alone is not looked at.
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
  const max = name.endsWith('Ms') ? MAX_TIME_MS : name === 'maxMessageBytes' ? constants.MAX_STRING_LENGTH : Infinity
  if (typeof value === 'number' && value <= max && (value > 0 || (value === 0 && mayBeZero.has(name)))) return
  const range = max === Infinity ? 'over 0' : `over 0 and at most ${max}`
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a number ${range}, not ${JSON.stringify(value)}.`)
}

/** The shortest of the times that the heartbeat of a server watches, in milliseconds. */
export function shortestTimeout(options: ResolvedOptions): number {
  const { connectTimeoutMs, pingIntervalMs, pingTimeoutMs, closeTimeoutMs, slowConsumerTimeoutMs } = options
  const { applicationCloseTimeoutMs, idleTimeoutMs, maxAgeMs } = options
  const times = [connectTimeoutMs, pingTimeoutMs, closeTimeoutMs, slowConsumerTimeoutMs, applicationCloseTimeoutMs]
  const mayBeOff = [pingIntervalMs, idleTimeoutMs, maxAgeMs].filter((time) => time !== false)
  return Math.min(...times, ...mayBeOff)
}
