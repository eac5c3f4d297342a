import { createServer, type Server } from 'node:http'
import { TidewayError } from '../../errors/tideway-error.ts'
import { limitDefaults, requestLimitDefaults, type LimitOptions, type RequestLimitOptions } from './limit-options.ts'

/** How often Node looks for requests that take too long, unless they are to be found sooner. */
const CHECK_MS = 1000
const SHORTEST_CHECK_MS = 10

/** Makes a server with these limits. @throws TidewayError `ERR_BAD_OPTION` for a value that is no number over 0 */
export function createServerWithin(options: RequestLimitOptions & Pick<LimitOptions, 'maxHeaders'>): Server {
  const given = Object.entries(options).filter(([name, value]) => value !== undefined && name in requestLimitDefaults)
  for (const [name, value] of given) {
    if (typeof value === 'number' && value > 0 && value <= MAX) continue
    throw new TidewayError('ERR_BAD_OPTION', `${name} must be a number over 0 and at most ${MAX}, not ${value}.`)
  }
  const limits = { ...requestLimitDefaults, ...(Object.fromEntries(given) as RequestLimitOptions) }
  const { headersTimeoutMs, requestTimeoutMs } = limits
  const server = createServer({
    maxHeaderSize: limits.maxHeaderBytes,
    // The headers are a part of the request: Node takes no longer time for them than for the whole.
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: Math.max(SHORTEST_CHECK_MS, Math.min(CHECK_MS, headersTimeoutMs / 4)),
  })
  // Node leaves out the headers above its limit without a word: one more shows that there are too many.
  server.maxHeadersCount = (options.maxHeaders ?? limitDefaults.maxHeaders) + 1
  return server
}

/** Node's timers and sizes count in 31 bits. */
const MAX = 2 ** 31 - 1
