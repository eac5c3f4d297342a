import type { IncomingMessage, Server as HttpServer } from 'node:http'
import type { Http2Server } from 'node:http2'
import type { Server as HttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Application } from '../asgi/application.ts'
import { traitsOf } from '../asgi/application-traits.ts'
import { AttachedApplication } from './attached-application.ts'
import type { NodeListener } from './http/node-listener.ts'
import { resolveOptions, type AttachOptions, type ResolvedOptions, type SharedServerOptions } from './options.ts'
import type { InspectedConnections } from './inspector/inspected-connections.ts'
import type { ServerStats } from './observe/server-stats.ts'

/** An application that is attached to a Node server. */
export interface Attachment {
  /** The number of WebSocket connections, each from its handshake to the end of its application. */
  readonly connectionCount: number
  /** Returns the statistics of this process. A call is cheap enough for once per second. */
  stats(): ServerStats
  /**
   * Refuses new handshakes, closes every WebSocket with 1012 (service restart), spread over `drainWindowMs` if there are more than a
   * hundred, and resolves when all applications have ended or the time is over. A second call returns the same promise.
   * @param timeoutMs the time after which open connections are destroyed; their applications have one more second for the disconnect.
   * Default `drainTimeoutMs`.
   */
  close(timeoutMs?: number, options?: DrainChoice): Promise<void>
}

/** Options of `close()` of an attachment. */
export interface DrainChoice {
  /**
   * Whether clients that can move to another process, such as those of a `LiveConsumer`, get `drainWindowMs` for it before their
   * connection is closed. `false` if no other process serves them. @default true
   */
  readonly canMove?: boolean | undefined
}

/**
 * Serves the application on an existing server: its WebSocket handshakes, and its HTTP requests unless the server already has a
 * request listener. Then only the requests of clients of a `LiveConsumer` that use HTTP.
 */
export function attach(
  server: HttpServer | HttpsServer,
  application: Application,
  { handles, ...options }: AttachOptions & SharedServerOptions = {},
): Attachment {
  return attachToAll([server], application, options, { handles })
}

/** The options of {@link attachToAll} for other listeners and for HTTP/2. */
interface MoreToAttach extends SharedServerOptions {
  /** The HTTP/2 servers whose streams are served too. */
  readonly http2Servers?: readonly Http2Server[]
  /** Gets the connections for an inspector. */
  readonly inspected?: InspectedConnections | undefined
}

/** Attaches the application to several servers, which are closed together. */
export function attachToAll(
  servers: readonly (HttpServer | HttpsServer)[],
  application: Application,
  options: AttachOptions,
  { handles, http2Servers = [], inspected }: MoreToAttach,
): Attachment {
  const resolved = resolveOptions(options)
  warnWithoutOriginCheck(application, resolved)
  const attached = new AttachedApplication(application, resolved, handles, inspected)
  const { onUpgrade, onLateUpgrade, onConnect } = attached.upgrades
  for (const server of servers) {
    server.on('connection', attached.gate.onConnection)
    server.on('upgrade', onUpgrade)
    server.on('connect', onConnect)
    if (server.listenerCount('request') === 0) server.on('request', attached.onRequest)
    else if (attached.answersItself !== undefined) {
      const answersItself = attached.answersItself
      divideRequests(server, (request) => handles?.(request) !== false && answersItself(request), attached.onRequest)
    }
  }
  for (const server of http2Servers) server.on('stream', attached.onStream)
  return {
    get connectionCount() {
      return attached.connections.size
    },
    stats: () => attached.stats(),
    close(timeoutMs = resolved.drainTimeoutMs, { canMove = true } = {}) {
      for (const server of servers) {
        if (!server.listeners('upgrade').includes(onUpgrade)) continue
        server.removeListener('upgrade', onUpgrade)
        server.removeListener('connect', onConnect)
        server.on('upgrade', (request, socket) => {
          // A listener that was added later answers instead.
          if (server.listenerCount('upgrade') === 1) onLateUpgrade(request, socket as Socket)
        })
      }
      return attached.close(timeoutMs, canMove)
    },
  }
}

/** Gives the requests of the condition to the listener, and all others to the listeners that the server has. */
function divideRequests(
  server: HttpServer | HttpsServer,
  isForListener: (request: IncomingMessage) => boolean,
  listener: NodeListener,
): void {
  const others = server.rawListeners('request')
  server.removeAllListeners('request')
  server.on('request', (request, response) => {
    if (isForListener(request)) listener(request, response)
    else for (const other of others) Reflect.apply(other, server, [request, response])
  })
}

/** The server's own check of cookies is a safety net: it does not cover DNS rebinding, or handshakes without cookies. */
function warnWithoutOriginCheck(application: Application, { logger }: ResolvedOptions): void {
  if (traitsOf(application).checksOrigin === true) return
  logger.warn(
    {},
    'The application has no origin validator: the server refuses handshakes with cookies from pages of other hosts in ' +
      'production (NODE_ENV=production) and warns about them elsewhere. Wrap the WebSocket application in ' +
      'allowedHostsOriginValidator(…, { allowedHosts }), or in originValidator(…, ["*"]) if pages of any site may connect.',
  )
}
