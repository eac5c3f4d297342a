import { isIPv6 } from 'node:net'
import { domainToASCII } from 'node:url'
import { canonicalAddress } from '../../asgi/ip-address.ts'
import { TidewayError } from '../../errors/tideway-error.ts'

/**
 * The hosts that a server answers for, by the rules of Django's `ALLOWED_HOSTS`: `example.com` is that host, `.example.com` the
 * domain and its subdomains, `*` every host. Ports and a dot at the end are ignored.
 */
export class AllowedHosts {
  readonly #hosts = new Set<string>()
  readonly #domains: string[] = []
  readonly #allowsAll: boolean
  /** The last allowed `Host`. Nearly all requests have the same one. */
  #lastAllowed: string | undefined

  /** @throws TidewayError `ERR_BAD_OPTION` for an entry that no `Host` can match */
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

  /** Whether the server answers for this `Host`. No list contains the empty `Host` of a target without a host. */
  has(host: string): boolean {
    if (this.#allowsAll || host === this.#lastAllowed) return true
    const name = hostNameOf(host)
    const isAllowed = this.#hosts.has(name) || this.#domains.some((domain) => name.endsWith(domain))
    if (isAllowed) this.#lastAllowed = host
    return isAllowed
  }
}

/** Returns the name in a valid `Host`: in lower case, without its port and the final dot, IPv6 without brackets. */
export function hostNameOf(host: string): string {
  const name = host.replace(/:\d*$/, '').toLowerCase()
  return name.startsWith('[') ? canonicalAddress(name.slice(1, -1)) : name.replace(/\.$/, '')
}

/** Returns the name of an entry, or `undefined` if the entry is invalid. */
function nameOf(entry: string): string | undefined {
  const address = entry.startsWith('[') && entry.endsWith(']') ? entry.slice(1, -1) : entry
  if (isIPv6(address)) return canonicalAddress(address)
  // An entry with a port, a path, a scheme or a star inside a name would never match.
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
