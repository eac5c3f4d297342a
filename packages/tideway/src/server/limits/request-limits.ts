import { createServer, type Server, type ServerOptions } from 'node:http'
import { MAX_TIMER_MS, requirePositive } from '../../errors/option-checks.ts'
import { limitDefaults, requestLimitDefaults, type LimitOptions, type RequestLimitOptions } from './limit-options.ts'

/** The longest and the shortest interval between two checks for requests that take too long. */
const CHECK_MS = 1000
const SHORTEST_CHECK_MS = 10

/** {@link RequestLimitOptions} with every default filled in. */
export type RequestLimits = Readonly<Required<RequestLimitOptions>>

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` for a value that is not a number over 0 */
export function requestLimitsOf(options: RequestLimitOptions): RequestLimits {
  const given = Object.entries(options).filter(([name, value]) => value !== undefined && name in requestLimitDefaults)
  // The sizes of Node have 31 bits, like its timers.
  for (const [name, value] of given) requirePositive(name, value, MAX_TIMER_MS)
  return { ...requestLimitDefaults, ...(Object.fromEntries(given) as RequestLimitOptions) }
}

/** Converts the limits to the options of Node's HTTP/1.1 server. */
export function nodeLimits(limits: RequestLimits): ServerOptions {
  const { headersTimeoutMs, requestTimeoutMs } = limits
  return {
    maxHeaderSize: limits.maxHeaderBytes,
    // The headers are a part of the request: Node rejects a longer timeout for them than for the whole.
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: checkMs(limits),
    // Node would refuse a request without Host and serve the requests after it.
    requireHostHeader: false,
  }
}

/** Returns how often a server checks for requests that take too long, in milliseconds. */
export function checkMs({ headersTimeoutMs }: RequestLimits): number {
  return Math.max(SHORTEST_CHECK_MS, Math.min(CHECK_MS, Math.ceil(headersTimeoutMs / 4)))
}

/** Makes a server without TLS with these limits. @throws TidewayError `ERR_BAD_OPTION` for a value that is not a number over 0 */
export function createServerWithin(options: RequestLimitOptions & Pick<LimitOptions, 'maxHeaders'>): Server {
  const server = createServer(nodeLimits(requestLimitsOf(options)))
  server.maxHeadersCount = nodeHeadersCount(options)
  return server
}

/** Returns a server's `maxHeadersCount`: Node silently drops the headers above it, so one more shows that there are too many. */
export function nodeHeadersCount({ maxHeaders = limitDefaults.maxHeaders }: Pick<LimitOptions, 'maxHeaders'>): number {
  return maxHeaders + 1
}
