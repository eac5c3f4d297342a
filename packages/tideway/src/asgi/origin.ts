import { isIPv6 } from 'node:net'
import type { HeaderList } from './headers.ts'

/** An origin (RFC 6454): the site of the page that sends a request. */
export interface Origin {
  /** Lower case. */
  readonly scheme: string
  /**
   * Lower case; an IPv6 address in brackets; without a final dot. Empty, or a dot, for the pages of an application that has a
   * scheme and no host: `file://`, `app://.`.
   */
  readonly host: string
  /** The default of the scheme if the origin has none; `undefined` for a scheme without a default. */
  readonly port: number | undefined
}

const MAX_PORT = 65_535
/** The longest host name of DNS is 253 characters; a longer value is not an origin. */
const MAX_LENGTH = 512

/** Parsed values: most clients of a site come from the same few pages. `undefined`: the value is not an origin. */
const known = new Map<string, Origin | undefined>()
const KNOWN_KEPT = 64
const HOSTLESS = /^([a-z][a-z0-9+.-]*):\/\/(\.?)$/i
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:[\]\\,<>]+)(?::(\d{1,5}))?$/i

/** The origin of a request; `undefined` without a readable `Origin`, or with two that differ. */
export function originOf(headers: HeaderList): Origin | undefined {
  const first = headers.get('origin')
  if (first === undefined) return undefined
  // Nearly all requests have one: no list is needed.
  if (headers.count('origin') > 1 && headers.getAll('origin').some((origin) => origin !== first)) return undefined
  return parseOrigin(first)
}

/**
 * Whether the origin is that of the request's own `Host`. A `Host` without a port means the port of the origin's scheme,
 * not of the connection's: behind a proxy that ends TLS the connection is plain and the page is not.
 */
export function isOriginOfHost(origin: Origin, headers: HeaderList): boolean {
  if (defaultPortOf(origin.scheme) === undefined) return false
  const host = headers.get('host')
  if (host === undefined || headers.count('host') > 1) return false
  const target = parseOrigin(`${origin.scheme}://${host}`)
  return target !== undefined && target.host === origin.host && target.port === origin.port
}

/**
 * Parses the value of an `Origin` header. Returns `undefined` if it is not an origin: `null`, an empty value, a port above 65535,
 * a value with a path.
 */
export function parseOrigin(value: string): Origin | undefined {
  if (value.length > MAX_LENGTH) return undefined
  const before = known.get(value)
  if (before !== undefined || known.has(value)) return before
  // Starts again from nothing, so that invented values cannot keep out those that come often.
  if (known.size >= KNOWN_KEPT) known.clear()
  const origin = readOrigin(value)
  known.set(value, origin)
  return origin
}

function readOrigin(value: string): Origin | undefined {
  const match = ORIGIN.exec(value)
  if (match === null) return readHostless(value)
  const scheme = match[1]!.toLowerCase()
  const host = normalHost(match[2]!)
  const port = match[3] === undefined ? defaultPortOf(scheme) : Number(match[3])
  if (host === undefined) return readHostless(value)
  if (port !== undefined && port > MAX_PORT) return undefined
  return Object.freeze({ scheme, host, port })
}

/** The origin of an application's own pages, as Cordova (`file://`) and Electron (`app://.`) send it. */
function readHostless(value: string): Origin | undefined {
  const match = HOSTLESS.exec(value)
  const scheme = match?.[1]!.toLowerCase()
  if (scheme === undefined || defaultPortOf(scheme) !== undefined) return undefined
  return Object.freeze({ scheme, host: match![2]!, port: undefined })
}

/** The default port of the scheme. */
export function defaultPortOf(scheme: string): number | undefined {
  if (scheme === 'http' || scheme === 'ws') return 80
  return scheme === 'https' || scheme === 'wss' ? 443 : undefined
}

function normalHost(host: string): string | undefined {
  const lower = host.toLowerCase()
  // An IPv6 address has many spellings; the URL parser returns the one that browsers send.
  if (lower.startsWith('[')) return isIPv6(lower.slice(1, -1)) ? new URL(`http://${lower}`).hostname : undefined
  // `example.com.` is the same name with the root label.
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower
  return name === '' || name.startsWith('.') || name.endsWith('.') || name.includes('..') ? undefined : name
}
