import { setTimeout as delay } from 'node:timers/promises'
import { guardedLogger } from '../asgi/guarded-logger.ts'
import type { Application } from '../asgi/application.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { attachToAll, type Attachment } from './attach.ts'
import { Lifespan } from './lifespan.ts'
import { reportAcceptErrors, watchDescriptors } from './listen/accept-errors.ts'
import { Front } from './listen/front.ts'
import { listenTargets, type ServerAddress, type TcpAddress } from './listen/listen-target.ts'
import { listenAt } from './listen/listener.ts'
import type { ServerStats } from './observe/server-stats.ts'
import { startMetrics } from './metrics/server-metrics.ts'
import { serverDefaults, type ServeOptions } from './options.ts'
import { loadCredentials } from './transport/tls/credentials.ts'
import type { TlsOptions } from './transport/tls/tls-options.ts'

/** A server that listens. */
export interface RunningServer {
  /** Of the first TCP address; of a server without one, the path of its Unix socket. */
  readonly host: string
  /** Of the first TCP address; 0 without one. */
  readonly port: number
  /** Where it answers, without a trailing slash: `http://127.0.0.1:8000`, with TLS `https://…`, or `unix:/run/chat.sock`. */
  readonly url: string
  /** The same for WebSockets: `ws://127.0.0.1:8000`, with TLS `wss://…`, or `ws+unix:/run/chat.sock`. */
  readonly webSocketUrl: string
  /** Everything that it listens on, in the order of the options. */
  readonly addresses: readonly ServerAddress[]
  /** Where operators are answered; `undefined` without `metricsPort`, and in a worker of `node:cluster`. */
  readonly metricsUrl: string | undefined
  /** How many WebSocket connections there are. */
  readonly connectionCount: number
  /** What it has done so far, in this process. To ask costs little: once a second is nothing. */
  stats(): ServerStats
  /**
   * Reads key and certificate again, for the connections to come; those that there are keep theirs. With options, from there.
   * Rejects with `ERR_BAD_CERTIFICATE`, and goes on with what it has, when they cannot be used.
   */
  reloadTls(options?: TlsOptions): Promise<void>
  /**
   * Stops listening (with `readinessPath`: at the end), closes every WebSocket with 1012, spread over `drainWindowMs` if
   * there are more than a hundred, finishes running requests, and resolves when all have ended.
   * @param timeoutMs after it what is left is cut. Default `drainTimeoutMs`.
   */
  close(timeoutMs?: number, options?: CloseOptions): Promise<void>
}

/** Options of `close()`. */
export interface CloseOptions {
  /**
   * For how long the server, having stopped to listen, goes on as before, in milliseconds: where another process listens
   * in its place already, connections that came just before are served, and not refused. Then `close()` does what it does,
   * but that with `readinessPath` it does not listen to the end. @default none
   */
  readonly handoverMs?: number
}

/** How long an application may take to start, and to shut down, when nobody says: in milliseconds. */
export const DEFAULT_LIFESPAN_TIMEOUT_MS = 60_000

/**
 * Serves the application over HTTP and WebSocket. Runs its lifespan's start-up first and its shutdown at `close()`. Resolves
 * when it listens; rejects with `ERR_BAD_CERTIFICATE` when it cannot speak TLS, with `ERR_STARTUP_FAILED` when the application
 * cannot run, with `ERR_ADDRESS_TAKEN` when a Unix socket is in use, and with Node's error when it cannot listen on an address.
 * @example const server = await serve(application, { port: 8000 })
 */
export async function serve(application: Application, options: ServeOptions = {}): Promise<RunningServer> {
  const { lifespan: hasLifespan = true, lifespanTimeoutMs, beforeShutdown, ...attachOptions } = options
  const logger = guardedLogger(options.logger ?? serverDefaults.logger)
  const targets = listenTargets(options)
  const credentials = await loadCredentials(options, logger)
  const fronts = targets.map(() => new Front(options, credentials, logger))
  const servers = fronts.map(({ server }) => server)
  const timeoutMs = lifespanTimeoutMs ?? DEFAULT_LIFESPAN_TIMEOUT_MS
  const metrics = await startMetrics(options, logger)
  let lifespan: Lifespan | undefined
  try {
    if (hasLifespan) lifespan = await Lifespan.start(application, { timeoutMs, logger })
  } catch (error) {
    await metrics?.close()
    throw error
  }
  const http2Servers = fronts.flatMap(({ http2 }) => (http2 === undefined ? [] : [http2.server]))
  const attachment = attachToAll(
    servers,
    application,
    { state: lifespan?.state, ...attachOptions, logger },
    { http2Servers },
  )
  const addresses: ServerAddress[] = []
  try {
    // One after the other, so that of two that are the same the second fails.
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
    get connectionCount() {
      return attachment.connectionCount
    },
    stats: () => attachment.stats(),
    async reloadTls(tlsOptions = options) {
      const anew = credentials && (await loadCredentials(tlsOptions, logger))
      if (anew === undefined) {
        throw new TidewayError('ERR_BAD_OPTION', 'There is no TLS to reload: tlsKey and tlsCert are missing.')
      }
      if ((anew.ca === undefined) !== (credentials?.ca === undefined)) {
        const message = 'Whether clients need a certificate (tlsCa) is settled when the server starts: start it anew.'
        throw new TidewayError('ERR_BAD_OPTION', message)
      }
      for (const front of fronts) front.use(anew)
    },
    async close(closeTimeoutMs = attachOptions.drainTimeoutMs ?? serverDefaults.drainTimeoutMs, { handoverMs } = {}) {
      if (handoverMs !== undefined) await handOver(fronts, handoverMs)
      const tellsReadiness = handoverMs === undefined && typeof attachOptions.readinessPath === 'string'
      await closeAll(fronts, attachment, closeTimeoutMs, tellsReadiness)
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

/** What a caller that knows of one address is told. */
function mainAddress(
  addresses: readonly ServerAddress[],
): Pick<RunningServer, 'host' | 'port' | 'url' | 'webSocketUrl'> {
  const tcp = addresses.find((address): address is TcpAddress => 'port' in address)
  if (tcp !== undefined) return { ...tcp, webSocketUrl: tcp.url.replace('http', 'ws') }
  const { url } = addresses[0]!
  return { host: url.slice('unix:'.length), port: 0, url, webSocketUrl: `ws+${url}` }
}

/** Stops listening, and gives those who have just come the time to say what they want. */
async function handOver(fronts: readonly Front[], timeMs: number): Promise<void> {
  for (const front of fronts) front.handOver()
  await delay(timeMs)
}

/** @param tellsReadiness whether somebody is to be told for as long as connections are there */
async function closeAll(
  fronts: readonly Front[],
  attachment: Attachment,
  timeoutMs: number,
  tellsReadiness: boolean,
): Promise<void> {
  const cut = setTimeout(() => {
    for (const front of fronts) front.cut()
  }, timeoutMs)
  const drained = attachment.close(timeoutMs)
  if (tellsReadiness) await drained
  await Promise.all([drained, ...fronts.map((front) => front.close())])
  clearTimeout(cut)
}
