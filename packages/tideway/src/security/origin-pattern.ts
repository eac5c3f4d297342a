import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'

import { parseOrigin, type Origin } from '../asgi/origin.ts'
import { TidewayError } from '../errors/tideway-error.ts'

/** The origins that one entry of a list matches. */
export type OriginPattern = '*' | HostPattern

interface HostPattern {
  /** `undefined`: `http` and `https`, with any port. */
  readonly scheme: string | undefined
  readonly host: string
  /** Whether the pattern matches subdomains too. */
  readonly withSubdomains: boolean
  /** `undefined` if the scheme has no default port and the entry has none. */
  readonly port: number | undefined
}

/**
 * Parses an entry of a list of allowed origins: `*`, `example.com`, `.example.com` (with its subdomains), either of these with a scheme
 * and a port (`https://.example.com:8443`), or the scheme of the pages of an installed application (`file://`, `app://.`). Throws
 * `ERR_BAD_OPTION` if no origin can match the entry.
 */
export function parseOriginPattern(pattern: string): OriginPattern {
  if (pattern === '*') return '*'
  const lower = pattern.toLowerCase()
  if (lower === 'null') {
    throw unmatched(
      pattern,
      'browsers send the origin "null" for pages that hide theirs, so any site can send it: remove it',
    )
  }
  const [scheme, rest] = splitScheme(lower)
  if (scheme !== undefined && (rest === '' || rest === '.')) {
    const origin = parseOrigin(lower)
    if (origin !== undefined) return { scheme, host: origin.host, withSubdomains: false, port: undefined }
  }
  if (rest.includes('/')) throw unmatched(pattern, 'an origin has no path: remove the text after the host and port')
  if (scheme === undefined) return { scheme, ...hostOf(pattern, isIPv6(rest) ? `[${rest}]` : rest), port: undefined }

  const port = /:(\d+)$/.exec(rest)
  const { host, withSubdomains } = hostOf(pattern, port === null ? rest : rest.slice(0, port.index))
  // Schemes and ports are parsed by parseOrigin, as those of a browser's header are.
  const origin = parseOrigin(`${scheme}://${host}${port?.[0] ?? ''}`)
  if (origin === undefined) throw unmatched(pattern, 'it is not of the form scheme://host:port with a port up to 65535')
  return { scheme, host: origin.host, withSubdomains, port: origin.port }
}

/** Whether the pattern matches the origin. */
export function matchesOrigin(pattern: OriginPattern, origin: Origin): boolean {
  if (pattern === '*') return true
  if (!isHostOf(pattern, origin.host)) return false
  if (pattern.scheme === undefined) return origin.scheme === 'https' || origin.scheme === 'http'
  return pattern.scheme === origin.scheme && pattern.port === origin.port
}

function isHostOf({ host, withSubdomains }: HostPattern, candidate: string): boolean {
  return candidate === host || (withSubdomains && candidate.endsWith(`.${host}`))
}

function splitScheme(pattern: string): readonly [scheme: string | undefined, rest: string] {
  const at = pattern.indexOf('://')
  return at === -1 ? [undefined, pattern] : [pattern.slice(0, at), pattern.slice(at + '://'.length)]
}

function hostOf(pattern: string, text: string): { host: string; withSubdomains: boolean } {
  if (text.includes('*')) {
    throw unmatched(pattern, 'a star is allowed alone only: write .example.com for a domain with its subdomains')
  }
  const withSubdomains = text.startsWith('.')
  const name = withSubdomains ? text.slice(1) : text
  if (!name.startsWith('[') && name.includes(':')) {
    throw unmatched(pattern, 'a port needs its scheme: write https://example.com:8443')
  }
  // Browsers send international names in their ASCII form.
  const host = name.startsWith('[') ? name : domainToASCII(name)
  const origin = parseOrigin(`http://${host}`)
  if (origin === undefined || (withSubdomains && name.startsWith('['))) throw unmatched(pattern, 'it has no valid host')
  return { host: origin.host, withSubdomains }
}

function unmatched(pattern: string, reason: string): TidewayError {
  return new TidewayError(
    'ERR_BAD_OPTION',
    `The allowed origin ${JSON.stringify(pattern)} would never match: ${reason}.`,
  )
}
