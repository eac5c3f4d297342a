import { expect, onTestFinished } from 'vitest'
import type { Application } from '../../src/asgi/application.ts'
import type { Logger } from '../../src/asgi/logger.ts'
import { setTraits } from '../../src/asgi/application-traits.ts'
import type { HttpScope, LifespanScope, WebSocketScope } from '../../src/asgi/scope.ts'
import { protocolTypeRouter } from '../../src/routing/protocol-type-router.ts'
import type { ServeOptions } from '../../src/server/options.ts'
import { serve, type RunningServer } from '../../src/server/serve.ts'

/** One log line of a server. */
export interface LogLine {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  readonly details: { readonly err?: unknown; readonly path?: string }
  readonly message: string
}

/** A server under test, and its log lines. */
export interface ServerUnderTest extends RunningServer {
  readonly log: LogLine[]
}

/** The applications of a test: one for each scope type that it uses. */
export interface Applications {
  readonly http?: Application<HttpScope>
  readonly websocket?: Application<WebSocketScope>
  /** Called only with the option `lifespan`. */
  readonly lifespan?: Application<LifespanScope>
}

/** A logger that keeps its lines. */
export function recordingLogger(log: LogLine[]): Logger {
  const at = (level: LogLine['level']) => (details: object, message: string) => {
    log.push({ level, details, message })
  }
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') }
}

/** Starts a server on a free port. The caller closes it. */
export async function startServer(applications: Applications, options: ServeOptions = {}): Promise<ServerUnderTest> {
  const log: LogLine[] = []
  // With the origin check marked as present and without a lifespan, the server itself logs nothing.
  const server = await serve(setTraits(protocolTypeRouter(applications), { checksOrigin: true }), {
    port: 0,
    lifespan: false,
    logger: recordingLogger(log),
    ...options,
  })
  return Object.defineProperties({ log } as ServerUnderTest, Object.getOwnPropertyDescriptors(server))
}

/** Starts a server that closes at once when the test ends. */
export async function serving(applications: Applications, options: ServeOptions = {}): Promise<ServerUnderTest> {
  const server = await startServer(applications, options)
  onTestFinished(() => server.close(CLOSE_AT_ONCE_MS))
  return server
}

const CLOSE_AT_ONCE_MS = 1

/** Asserts what becomes true soon: for the work of a server after its response. */
export function eventually<T>(read: () => T): ReturnType<typeof expect.poll<T>> {
  return expect.poll(read, { interval: 4 })
}
