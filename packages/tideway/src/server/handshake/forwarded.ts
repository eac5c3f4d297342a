import { isIP } from 'node:net'
import { canonicalAddress } from '../../asgi/ip-address.ts'
import type { Address } from '../../asgi/scope.ts'
import { HeaderScanner } from './header-scanner.ts'
import type { RequestHead } from './request-head.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** The client and the scheme of a request in the headers of trusted proxies. */
export interface Forwarded {
  /**
   * `'unknown'`: a proxy forwards the request without the address of its client, or the address cannot be parsed.
   * `undefined`: no proxy names a client, so the peer is the client.
   */
  readonly client: Address | 'unknown' | undefined
  /** Whether the client's own connection was encrypted; `undefined` if no proxy sent its scheme. */
  readonly isEncrypted: boolean | undefined
}

const nothing: Forwarded = { client: undefined, isEncrypted: undefined }

/** The element that one proxy added. */
interface Hop {
  readonly client: Address | 'unknown' | undefined
  readonly scheme: string | undefined
}

/** The hop of a header that cannot be parsed. */
const unreadable: Hop = { client: 'unknown', scheme: undefined }

/**
 * Reads `X-Forwarded-For` and `X-Forwarded-Proto`, or else `Forwarded` (RFC 7239), if the peer is a trusted proxy. Every proxy
 * appends to the list on its right, so only entries of trusted proxies count: the client is the right-most address that is not
 * a trusted proxy's. The client may have invented the entries further left.
 *
 * It never reads both: a proxy that sets one forwards the other as the client wrote it. Nearly all proxies set the `X-` headers.
 * It ignores `X-Forwarded-Port`: proxies write the port of the site into it, not the port of the client.
 */
export function readForwarded(request: RequestHead, trusted: TrustedProxies): Forwarded {
  if (!trusted.has(request.socket.remoteAddress)) return nothing
  const { headers } = request
  const xForwarded = hopsOfXForwarded(headers)
  const hops = xForwarded.length > 0 || headers.forwarded === undefined ? xForwarded : hopsOfForwarded(request)
  let last: Hop | undefined
  for (const hop of hops.toReversed()) {
    last = hop
    // An address that cannot be parsed is not a trusted proxy's, and the entries to its left do not count.
    if (typeof hop.client !== 'object' || !trusted.has(hop.client.host)) break
  }
  if (last === undefined) return nothing
  return { client: last.client, isEncrypted: last.scheme === undefined ? undefined : isSecure(last.scheme) }
}

function isSecure(scheme: string): boolean {
  return scheme === 'https' || scheme === 'wss'
}

/** Schemes match addresses from the right. A single scheme applies to all addresses. */
function hopsOfXForwarded(headers: RequestHead['headers']): Hop[] {
  const addresses = listOf(headers['x-forwarded-for'])
  const schemes = listOf(headers['x-forwarded-proto']).map((scheme) => scheme.toLowerCase())
  const schemeAt = (fromRight: number): string | undefined => schemes.at(-fromRight) ?? schemes[0]
  if (addresses.length === 0) return schemes.length === 0 ? [] : [{ client: undefined, scheme: schemeAt(1) }]
  return addresses.map((text, index) => ({
    client: parseAddress(text) ?? 'unknown',
    scheme: schemeAt(addresses.length - index),
  }))
}

/**
 * Parses each line alone, so that an open quote in the client's line cannot reach into a proxy's line. A line outside the grammar
 * is one unreadable hop.
 */
function hopsOfForwarded({ rawHeaders }: RequestHead): Hop[] {
  const hops: Hop[] = []
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length !== 9 || name.toLowerCase() !== 'forwarded') continue
    hops.push(...(parseForwarded(rawHeaders[i + 1]!) ?? [unreadable]))
  }
  return hops
}

/** RFC 7239 §4, and the empty elements of RFC 9110 §5.6.1.2. Returns `undefined` for a line outside the grammar. */
function parseForwarded(line: string): Hop[] | undefined {
  const scanner = new HeaderScanner(line)
  const hops: Hop[] = []
  scanner.skipCommas()
  while (!scanner.isAtEnd) {
    const pairs = parsePairs(scanner)
    if (pairs === undefined) return undefined
    hops.push({ client: parseAddress(pairs.get('for') ?? '') ?? 'unknown', scheme: pairs.get('proto')?.toLowerCase() })
    if (!scanner.skipCommas() && !scanner.isAtEnd) return undefined
  }
  return hops
}

/** Parses pairs with semicolons between them. As other parameters (RFC 9110 §5.6.6), they may have white space around semicolons. */
function parsePairs(scanner: HeaderScanner): ReadonlyMap<string, string> | undefined {
  const pairs = new Map<string, string>()
  do {
    scanner.skipSpace()
    const name = scanner.token()?.toLowerCase()
    if (name !== undefined) {
      const value = scanner.skip('=') ? scanner.value() : undefined
      // RFC 7239 §4: a parameter occurs at most once in an element.
      if (value === undefined || pairs.has(name)) return undefined
      pairs.set(name, value)
    }
    scanner.skipSpace()
  } while (scanner.skip(';'))
  return pairs
}

function listOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  return String(header)
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/**
 * `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`, in canonical form; a port may be hidden as `_name` (RFC
 * 7239 §6.3). Returns `undefined` for any other text.
 */
function parseAddress(text: string): Address | undefined {
  if (isIP(text) !== 0) return { host: canonicalAddress(text), port: undefined }
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(?:(\d{1,5})|_[\w.-]+))?$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  if (isIP(host) === 0) return undefined
  return { host: canonicalAddress(host), port: parsePort(port) }
}

function parsePort(text: string | undefined): number | undefined {
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}
