import { createServer, type Server as HttpServer } from 'node:http'
import type { AddressInfo, ListenOptions } from 'node:net'
import type { Application } from '../asgi/application.ts'
import { attach, DEFAULT_CLOSE_TIMEOUT_MS } from './attach.ts'
import { Lifespan } from './lifespan.ts'
import { serverDefaults, type ServeOptions } from './options.ts'

/** A server that listens. */
export interface RunningServer {
  readonly host: string
  readonly port: number
  /** Where it answers, without a trailing slash: `http://127.0.0.1:8000`. */
  readonly url: string
  /** The same for WebSockets: `ws://127.0.0.1:8000`. */
  readonly webSocketUrl: string
  /** How many WebSocket connections there are. */
  readonly connectionCount: number
  /**
   * Stops listening, closes every WebSocket with 1012, finishes running requests, and resolves when all have ended.
   * @param timeoutMs after it what is left is cut. Default 10000.
   */
  close(timeoutMs?: number): Promise<void>
}

/** The defaults of `serve()`: those of Daphne. */
const DEFAULT_PORT = 8000
const DEFAULT_HOST = '127.0.0.1'

/** How long an application may take to start, and to shut down. */
const DEFAULT_LIFESPAN_TIMEOUT_MS = 60_000

/**
 * Serves the application over HTTP and WebSocket. Runs its lifespan's start-up first and its shutdown at `close()`. Resolves
 * when it listens; rejects with `ERR_STARTUP_FAILED` when the application cannot run, and with Node's error when it cannot listen.
 * @example const server = await serve(application, { port: 8000 })
 */
export async function serve(application: Application, options: ServeOptions = {}): Promise<RunningServer> {
  const {
    port = DEFAULT_PORT,
    host = DEFAULT_HOST,
    lifespan: hasLifespan = true,
    lifespanTimeoutMs,
    ...attachOptions
  } = options
  const { logger = serverDefaults.logger } = options
  const server = createServer()
  const timeoutMs = lifespanTimeoutMs ?? DEFAULT_LIFESPAN_TIMEOUT_MS
  const lifespan = hasLifespan ? await Lifespan.start(application, { timeoutMs, logger }) : undefined
  const attachment = attach(server, application, { state: lifespan?.state, ...attachOptions })
  try {
    await listen(server, { port, host, backlog: LISTEN_BACKLOG })
  } catch (error) {
    await lifespan?.shutDown()
    throw error
  }
  // A connection that cannot be accepted (no descriptors are left) must not end the others.
  server.on('error', (error) => logger.error({ err: error }, 'The server could not accept a connection'))
  const address = server.address() as AddressInfo
  const authority = `${address.family === 'IPv6' ? `[${address.address}]` : address.address}:${address.port}`
  return {
    host: address.address,
    port: address.port,
    url: `http://${authority}`,
    webSocketUrl: `ws://${authority}`,
    get connectionCount() {
      return attachment.connectionCount
    },
    async close(timeoutMs = DEFAULT_CLOSE_TIMEOUT_MS) {
      const closed = new Promise<void>((resolve) => {
        server.close(() => resolve())
      })
      // A connection that was busy at the beginning is idle when its request is done, and would stay for a next one.
      const idle = setInterval(() => server.closeIdleConnections(), CLOSE_IDLE_EVERY_MS)
      const cut = setTimeout(() => server.closeAllConnections(), timeoutMs)
      await Promise.all([attachment.close(timeoutMs), closed])
      clearInterval(idle)
      clearTimeout(cut)
      await lifespan?.shutDown()
    },
  }
}

function listen(server: HttpServer, options: ListenOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(options, () => {
      server.removeListener('error', reject)
      resolve()
    })
  })
}

/** Connections that the kernel completes before they are accepted: a storm must not be refused. */
const LISTEN_BACKLOG = 4096

/** How often a closing server looks for connections whose request is done. */
const CLOSE_IDLE_EVERY_MS = 20
