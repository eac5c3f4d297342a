import type { Application } from '../asgi/application.ts'
import type { ServeOptions } from '../server/options.ts'
import { serve, type RunningServer } from '../server/serve.ts'

/** A real server for tests. */
export interface LiveServer extends RunningServer {
  /** Closes the server, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** How long `close()` waits for connections that a test has left open, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2000

/**
 * Serves the application on a free port of this machine, as `serve` does, for tests with a real client: a browser, `ws`,
 * `fetch`. Close it at the end of the test.
 * @example await using server = await liveServer(application)
 */
export async function liveServer(
  application: Application,
  options: Omit<ServeOptions, 'port'> = {},
): Promise<LiveServer> {
  const server = await serve(application, { ...options, port: 0 })
  const serverClose = server.close.bind(server)
  const close = (timeoutMs: number = CLOSE_TIMEOUT_MS): Promise<void> => serverClose(timeoutMs)
  return Object.assign(server, { close, [Symbol.asyncDispose]: () => close() })
}
