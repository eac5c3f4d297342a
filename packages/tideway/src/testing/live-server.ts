import type { Application } from '../asgi/application.ts'
import type { ServeOptions } from '../server/options.ts'
import { serve, type RunningServer } from '../server/serve.ts'

/** A real server for tests. */
export interface LiveServer extends RunningServer {
  /** Closes the server, for `await using`. */
  [Symbol.asyncDispose](): Promise<void>
}

/** The time that `close()` waits for open connections, in milliseconds. */
const CLOSE_TIMEOUT_MS = 2000

/**
 * Serves the application on a free port of this machine with `serve`, for tests with a real client: a browser, `ws`, `fetch`. Close the
 * server at the end of the test.
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
