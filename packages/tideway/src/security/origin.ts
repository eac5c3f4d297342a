import { isIPv6 } from 'node:net'

/** An origin (RFC 6454): who made the page that a request comes from. */
export interface Origin {
  /** Lower case. */
  readonly scheme: string
  /** Lower case; an IPv6 address in brackets; without a final dot. */
  readonly host: string
  /** The one of the scheme where none was given; `undefined` for a scheme without one. */
  readonly port: number | undefined
}

const MAX_PORT = 65_535
/** The longest host name of DNS is 253 characters; a longer header is no origin. */
const MAX_LENGTH = 512

/** What was read last: most clients of a site come from the same few pages. `undefined` is a value here: it is no origin. */
const known = new Map<string, Origin | undefined>()
const KNOWN_KEPT = 64
const ORIGIN = /^([a-z][a-z0-9+.-]*):\/\/(\[[0-9a-f:.]+\]|[^\s/?#@:[\]\\,<>]+)(?::(\d{1,5}))?$/i

/**
 * Reads the value of an `Origin` header. `undefined` for what is none: `null`, an empty one, a port above 65535, anything
 * with a path.
 */
export function parseOrigin(value: string): Origin | undefined {
  if (value.length > MAX_LENGTH) return undefined
  const before = known.get(value)
  if (before !== undefined || known.has(value)) return before
  // Begun anew, since values that somebody made up should not keep those out that come again and again.
  if (known.size >= KNOWN_KEPT) known.clear()
  const origin = readOrigin(value)
  known.set(value, origin)
  return origin
}

function readOrigin(value: string): Origin | undefined {
  const match = ORIGIN.exec(value)
  if (match === null) return undefined
  const scheme = match[1]!.toLowerCase()
  const host = normalHost(match[2]!)
  const port = match[3] === undefined ? defaultPortOf(scheme) : Number(match[3])
  if (host === undefined || (port !== undefined && port > MAX_PORT)) return undefined
  return Object.freeze({ scheme, host, port })
}

/** The port that a URL of the scheme means when it names none. */
export function defaultPortOf(scheme: string): number | undefined {
  if (scheme === 'http' || scheme === 'ws') return 80
  return scheme === 'https' || scheme === 'wss' ? 443 : undefined
}

function normalHost(host: string): string | undefined {
  const lower = host.toLowerCase()
  // An address has many spellings; the URL parser of browsers knows the one that they send.
  if (lower.startsWith('[')) return isIPv6(lower.slice(1, -1)) ? new URL(`http://${lower}`).hostname : undefined
  // `example.com.` is the same name, written to its end.
  const name = lower.endsWith('.') ? lower.slice(0, -1) : lower
  return name === '' || name.startsWith('.') || name.endsWith('.') || name.includes('..') ? undefined : name
}
