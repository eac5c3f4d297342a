import { isIP } from 'node:net'
import type { Address } from '../../asgi/scope.ts'
import type { RequestHead } from './request-head.ts'
import type { TrustedProxies } from './trusted-proxies.ts'

/** What trusted proxies say of the client that they speak for. */
export interface Forwarded {
  /** `undefined`: they do not say. */
  readonly client: Address | undefined
  /** Whether the client's own connection was encrypted; `undefined`: they do not say. */
  readonly isEncrypted: boolean | undefined
}

const nothing: Forwarded = { client: undefined, isEncrypted: undefined }

/** One proxy's word: for whom, over what. */
interface Hop {
  readonly address: Address | undefined
  readonly scheme: string | undefined
}

/**
 * Reads `X-Forwarded-For`, `-Port` and `-Proto`, or else `Forwarded` (RFC 7239). Only a trusted peer is believed, and of a list,
 * which every proxy on the way adds to on the right, only what trusted proxies have written: the client is the right-most
 * address that is not itself a trusted proxy's. Anything further left, the client may have made up.
 *
 * Never both: a proxy that sets the one passes on what a client has written into the other. Nearly all set the `X-` ones.
 */
export function readForwarded(request: RequestHead, trusted: TrustedProxies): Forwarded {
  if (!trusted.has(request.socket.remoteAddress)) return nothing
  const { headers } = request
  const xForwarded = hopsOfXForwarded(headers)
  const hops = xForwarded.length > 0 ? xForwarded : hopsOfForwarded(headers['forwarded'] ?? '')
  let client: Hop | undefined
  for (const hop of hops.toReversed()) {
    // What cannot be read as an address can be nobody's we trust, and nothing left of it counts.
    client = hop
    if (hop.address === undefined || !trusted.has(hop.address.host)) break
  }
  if (client === undefined) return nothing
  return { client: client.address, isEncrypted: client.scheme === undefined ? undefined : isSecure(client.scheme) }
}

function isSecure(scheme: string): boolean {
  return scheme === 'https' || scheme === 'wss'
}

/** The one port and the schemes belong to the addresses from the right; a single scheme holds for all. */
function hopsOfXForwarded(headers: RequestHead['headers']): Hop[] {
  const addresses = listOf(headers['x-forwarded-for'])
  const schemes = listOf(headers['x-forwarded-proto']).map((scheme) => scheme.toLowerCase())
  const port = parsePort(listOf(headers['x-forwarded-port']).at(-1))
  const schemeAt = (fromRight: number): string | undefined => schemes.at(-fromRight) ?? schemes[0]
  if (addresses.length === 0) return schemes.length === 0 ? [] : [{ address: undefined, scheme: schemeAt(1) }]
  return addresses.map((text, index) => {
    const address = parseAddress(text)
    return {
      address: address && { host: address.host, port: address.port ?? port },
      scheme: schemeAt(addresses.length - index),
    }
  })
}

/** RFC 7239 §4: elements parted by commas, of pairs parted by semicolons; values may be quoted. */
function hopsOfForwarded(header: string): Hop[] {
  return splitOutsideQuotes(header, ',').map((element) => {
    const pairs = new Map(
      splitOutsideQuotes(element, ';').map((pair): [string, string] => {
        const [name = '', ...value] = pair.split('=')
        return [name.trim().toLowerCase(), unquote(value.join('=').trim())]
      }),
    )
    return { address: parseAddress(pairs.get('for') ?? ''), scheme: pairs.get('proto')?.toLowerCase() }
  })
}

function splitOutsideQuotes(text: string, separator: ',' | ';'): string[] {
  return text.match(separator === ',' ? /(?:[^,"]|"(?:\\.|[^"\\])*")+/g : /(?:[^;"]|"(?:\\.|[^"\\])*")+/g) ?? []
}

function unquote(value: string): string {
  return value.startsWith('"') && value.endsWith('"') ? value.slice(1, -1).replace(/\\(.)/g, '$1') : value
}

function listOf(header: string | string[] | undefined): string[] {
  if (header === undefined) return []
  return String(header)
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')
}

/** `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1` or `[2001:db8::1]:4711`; anything else is nobody's address. */
function parseAddress(text: string): Address | undefined {
  if (isIP(text) !== 0) return { host: text, port: undefined }
  const [, bracketed, plain, port] = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d{1,5}))?$/.exec(text) ?? []
  const host = bracketed ?? plain ?? ''
  if (isIP(host) === 0) return undefined
  return { host, port: parsePort(port) }
}

function parsePort(text: string | undefined): number | undefined {
  if (text === undefined || !/^\d{1,5}$/.test(text)) return undefined
  const port = Number(text)
  return port <= 65_535 ? port : undefined
}
