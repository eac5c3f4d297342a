import { createServer, type Server, type ServerOptions } from 'node:http'
import { TidewayError } from '../../errors/tideway-error.ts'
import { limitDefaults, requestLimitDefaults, type LimitOptions, type RequestLimitOptions } from './limit-options.ts'

/** The longest and the shortest time between two looks for requests that take too long. */
const CHECK_MS = 1000
const SHORTEST_CHECK_MS = 10

/** {@link RequestLimitOptions} with every default filled in. */
export type RequestLimits = Readonly<Required<RequestLimitOptions>>

/** Fills in the defaults. @throws TidewayError `ERR_BAD_OPTION` for a value that is no number over 0 */
export function requestLimitsOf(options: RequestLimitOptions): RequestLimits {
  const given = Object.entries(options).filter(([name, value]) => value !== undefined && name in requestLimitDefaults)
  for (const [name, value] of given) {
    if (typeof value === 'number' && value > 0 && value <= MAX) continue
    throw new TidewayError('ERR_BAD_OPTION', `${name} must be a number over 0 and at most ${MAX}, not ${value}.`)
  }
  return { ...requestLimitDefaults, ...(Object.fromEntries(given) as RequestLimitOptions) }
}

/** The limits as an HTTP/1.1 server of Node's takes them. */
export function nodeLimits(limits: RequestLimits): ServerOptions {
  const { headersTimeoutMs, requestTimeoutMs } = limits
  return {
    maxHeaderSize: limits.maxHeaderBytes,
    // The headers are a part of the request: Node takes no longer time for them than for the whole.
    headersTimeout: Math.min(headersTimeoutMs, requestTimeoutMs),
    requestTimeout: requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveTimeoutMs,
    connectionsCheckingInterval: checkMs(limits),
    // Node would refuse a request without Host and go on to serve what follows it.
    requireHostHeader: false,
  }
}

/** How often a server looks for what takes too long, in milliseconds. */
export function checkMs({ headersTimeoutMs }: RequestLimits): number {
  return Math.max(SHORTEST_CHECK_MS, Math.min(CHECK_MS, Math.ceil(headersTimeoutMs / 4)))
}

/** Makes a server without TLS with these limits. @throws TidewayError `ERR_BAD_OPTION` for a value that is no number over 0 */
export function createServerWithin(options: RequestLimitOptions & Pick<LimitOptions, 'maxHeaders'>): Server {
  const server = createServer(nodeLimits(requestLimitsOf(options)))
  server.maxHeadersCount = nodeHeadersCount(options)
  return server
}

/** For a server's `maxHeadersCount`: Node leaves out those above it without a word, and one more shows that there are too many. */
export function nodeHeadersCount({ maxHeaders = limitDefaults.maxHeaders }: Pick<LimitOptions, 'maxHeaders'>): number {
  return maxHeaders + 1
}

/** Node's timers and sizes count in 31 bits. */
const MAX = 2 ** 31 - 1
