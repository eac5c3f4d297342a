import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import { canonicalAddress } from '../../asgi/ip-address.ts'
import { TidewayError } from '../../errors/tideway-error.ts'

/**
 * The hosts that a server answers for, by the rules of Django's `ALLOWED_HOSTS`: `example.com` is that host, `.example.com` the
 * domain and its subdomains, `*` every host. Ports do not count, nor does a dot at the end.
 */
export class AllowedHosts {
  readonly #hosts = new Set<string>()
  readonly #domains: string[] = []
  readonly #allowsAll: boolean
  /** A `Host` that was allowed. Nearly every request has the same one. */
  #lastAllowed: string | undefined

  /** @throws TidewayError `ERR_BAD_OPTION` for an entry that no `Host` could match */
  constructor(entries: readonly string[]) {
    this.#allowsAll = entries.includes('*')
    for (const entry of entries) {
      if (entry === '*') continue
      const isDomain = entry.startsWith('.')
      const name = nameOf(isDomain ? entry.slice(1) : entry)
      if (name === undefined) throw unmatched(entry)
      this.#hosts.add(name)
      if (isDomain) this.#domains.push(`.${name}`)
    }
  }

  /** Whether a server answers for this `Host`. An empty one, of a target without a host, is not in any list. */
  has(host: string): boolean {
    if (this.#allowsAll || host === this.#lastAllowed) return true
    const name = hostNameOf(host)
    const isAllowed = this.#hosts.has(name) || this.#domains.some((domain) => name.endsWith(domain))
    if (isAllowed) this.#lastAllowed = host
    return isAllowed
  }
}

/** The name in a valid `Host`: in lower case, without its port and the dot of the root, IPv6 without brackets. */
export function hostNameOf(host: string): string {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  return name.startsWith('[') ? canonicalAddress(name.slice(1, -1)) : name.replace(/\.$/, '')
}

/** The name that an entry stands for; `undefined`: none. */
function nameOf(entry: string): string | undefined {
  const address = entry.startsWith('[') && entry.endsWith(']') ? entry.slice(1, -1) : entry
  if (isIPv6(address)) return canonicalAddress(address)
  // A port, a path, a scheme and a star within a name would all look like a rule, and never match.
  if (!/^[^\s:/*?#@[\]]+$/.test(entry)) return undefined
  const ascii = domainToASCII(entry).replace(/\.$/, '')
  return ascii === '' ? undefined : ascii
}

function unmatched(entry: string): TidewayError {
  return new TidewayError(
    'ERR_BAD_OPTION',
    `allowedHosts: ${JSON.stringify(entry)} would never match: write a host without scheme and port, as in example.com, ` +
      '.example.com with its subdomains, or * for every host.',
  )
}
