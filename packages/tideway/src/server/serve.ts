import { setTimeout as delay } from 'node:timers/promises'
import { guardedLogger } from '../asgi/guarded-logger.ts'
import type { Application } from '../asgi/application.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { attachToAll, type DrainChoice } from './attach.ts'
import { Lifespan } from './lifespan.ts'
import { reportAcceptErrors, watchDescriptors } from './listen/accept-errors.ts'
import { Inspector } from './inspector/inspector.ts'
import { HttpListener } from './listen/http-listener.ts'
import { listenTargets, type ServerAddress, type TcpAddress } from './listen/listen-target.ts'
import { listenAt } from './listen/listener.ts'
import type { ServerStats } from './observe/server-stats.ts'
import { startMetrics } from './metrics/server-metrics.ts'
import { serverDefaults, type ServeOptions } from './options.ts'
import { loadCredentials } from './transport/tls/credentials.ts'
import type { TlsOptions } from './transport/tls/tls-options.ts'

/** A listening server. */
export interface RunningServer {
  /** The host of the first TCP address; the path of the Unix socket of a server without one. */
  readonly host: string
  /** The port of the first TCP address; 0 without one. */
  readonly port: number
  /** The URL of the server, without a trailing slash: `http://127.0.0.1:8000`, with TLS `https://…`, or `unix:/run/chat.sock`. */
  readonly url: string
  /** The URL for WebSockets: `ws://127.0.0.1:8000`, with TLS `wss://…`, or `ws+unix:/run/chat.sock`. */
  readonly webSocketUrl: string
  /** All addresses of the server, in the order of the options. */
  readonly addresses: readonly ServerAddress[]
  /** The URL of the metrics port; `undefined` without `metricsPort`, and in a worker of `node:cluster`. */
  readonly metricsUrl: string | undefined
  /** The URL of the inspector of this process; `undefined` without `inspectorToken`. */
  readonly inspectorUrl: string | undefined
  /** The number of WebSocket connections. */
  readonly connectionCount: number
  /** Returns the statistics of this process. A call is cheap enough for once per second. */
  stats(): ServerStats
  /**
   * Reads key and certificate again, for new connections; open ones keep the old certificate. Without options it reads those of
   * `serve()`. Rejects with `ERR_BAD_CERTIFICATE`, and keeps the old ones, if the new ones cannot be used.
   */
  reloadTls(options?: TlsOptions): Promise<void>
  /**
   * Stops listening (with `readinessPath`: at the end), closes every WebSocket with 1012, spread over `drainWindowMs` if
   * there are more than a hundred (clients that can move have until its end), finishes running requests, and resolves when all have ended.
   * @param timeoutMs the time after which open connections are destroyed. Default `drainTimeoutMs`.
   */
  close(timeoutMs?: number, options?: CloseOptions): Promise<void>
}

/** Options of `close()`. */
export interface CloseOptions extends DrainChoice {
  /**
   * How long the server continues to serve its connections after it stops listening and before `close()` starts, in milliseconds. Use
   * it if another process already listens on the same address: connections accepted just before are then served and not refused.
   * With it, `readinessPath` does not keep the server listening. @default none
   */
  readonly handoverMs?: number
}

/** The default of `lifespanTimeoutMs`. */
export const DEFAULT_LIFESPAN_TIMEOUT_MS = 60_000

/**
 * Serves the application over HTTP and WebSocket. It runs the application's startup first and its shutdown at `close()`. It resolves
 * when the server listens. It rejects with `ERR_BAD_CERTIFICATE` if the certificate cannot be used, with `ERR_STARTUP_FAILED` if the
 * application cannot start, with `ERR_ADDRESS_TAKEN` if a Unix socket is in use, and with Node's error if it cannot listen on an address.
 * @example const server = await serve(application, { port: 8000 })
 */
export async function serve(application: Application, options: ServeOptions = {}): Promise<RunningServer> {
  const { lifespan: hasLifespan = true, lifespanTimeoutMs, beforeShutdown, ...attachOptions } = options
  const logger = guardedLogger(options.logger ?? serverDefaults.logger)
  const targets = listenTargets(options)
  const credentials = await loadCredentials(options, logger)
  const listeners = targets.map(() => new HttpListener(options, credentials, logger))
  const servers = listeners.map(({ server }) => server)
  const timeoutMs = lifespanTimeoutMs ?? DEFAULT_LIFESPAN_TIMEOUT_MS
  const { inspectorToken: token = false, secretQueryNames = serverDefaults.secretQueryNames } = options
  const inspector = token === false ? undefined : new Inspector(token, application, secretQueryNames, logger)
  const metrics = await startMetrics(options, logger, inspector)
  let lifespan: Lifespan | undefined
  try {
    if (hasLifespan) lifespan = await Lifespan.start(application, { timeoutMs, logger })
  } catch (error) {
    await metrics?.close()
    throw error
  }
  const http2Servers = listeners.flatMap(({ http2 }) => (http2 === undefined ? [] : [http2.server]))
  const attachment = attachToAll(
    servers,
    application,
    { state: lifespan?.state, ...attachOptions, logger },
    { http2Servers, inspected: inspector?.connections },
  )
  const addresses: ServerAddress[] = []
  try {
    // One after the other, so that the second of two equal targets fails.
    for (const [i, server] of servers.entries()) addresses.push(await listenAt(server, targets[i]!))
  } catch (error) {
    for (const server of servers) server.close()
    await lifespan?.shutDown()
    await metrics?.close()
    throw error
  }
  for (const server of servers) reportAcceptErrors(server, logger)
  const unwatch = watchDescriptors(logger)
  metrics?.ready(attachment)
  return {
    ...mainAddress(addresses),
    addresses,
    metricsUrl: metrics?.url,
    inspectorUrl: metrics?.inspectorUrl,
    get connectionCount() {
      return attachment.connectionCount
    },
    stats: () => attachment.stats(),
    async reloadTls(tlsOptions = options) {
      const reloaded = credentials && (await loadCredentials(tlsOptions, logger))
      if (reloaded === undefined) {
        throw new TidewayError('ERR_BAD_OPTION', 'The server has no TLS to reload: tlsKey and tlsCert are missing.')
      }
      if ((reloaded.ca === undefined) !== (credentials?.ca === undefined)) {
        const message = 'reloadTls() cannot change whether clients need a certificate (tlsCa): restart the server.'
        throw new TidewayError('ERR_BAD_OPTION', message)
      }
      for (const listener of listeners) listener.use(reloaded)
    },
    async close(
      closeTimeoutMs = attachOptions.drainTimeoutMs ?? serverDefaults.drainTimeoutMs,
      { handoverMs, canMove } = {},
    ) {
      if (handoverMs !== undefined) await handOver(listeners, handoverMs)
      const answersReadiness = handoverMs === undefined && typeof attachOptions.readinessPath === 'string'
      await closeAll(
        listeners,
        (timeoutMs) => attachment.close(timeoutMs, { canMove }),
        closeTimeoutMs,
        answersReadiness,
      )
      try {
        await beforeShutdown?.()
      } finally {
        unwatch()
        await lifespan?.shutDown()
        await metrics?.close()
      }
    },
  }
}

/** The properties of a server's first address. */
function mainAddress(
  addresses: readonly ServerAddress[],
): Pick<RunningServer, 'host' | 'port' | 'url' | 'webSocketUrl'> {
  const tcp = addresses.find((address): address is TcpAddress => 'port' in address)
  if (tcp !== undefined) return { ...tcp, webSocketUrl: tcp.url.replace('http', 'ws') }
  const { url } = addresses[0]!
  return { host: url.slice('unix:'.length), port: 0, url, webSocketUrl: `ws+${url}` }
}

/** Stops listening, and serves for a time the connections that were accepted just before. */
async function handOver(listeners: readonly HttpListener[], timeMs: number): Promise<void> {
  for (const listener of listeners) listener.handOver()
  await delay(timeMs)
}

/** @param answersReadiness whether the server listens until the end of its drain, to answer readiness probes */
async function closeAll(
  listeners: readonly HttpListener[],
  drain: (timeoutMs: number) => Promise<void>,
  timeoutMs: number,
  answersReadiness: boolean,
): Promise<void> {
  const destroyTimer = setTimeout(() => {
    for (const listener of listeners) listener.destroy()
  }, timeoutMs)
  const drained = drain(timeoutMs)
  if (answersReadiness) await drained
  await Promise.all([drained, ...listeners.map((listener) => listener.close())])
  clearTimeout(destroyTimer)
}
