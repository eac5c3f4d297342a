import { BlockList, isIP } from 'node:net'
import { canonicalAddress } from '../../asgi/ip-address.ts'
import { TidewayError } from '../../errors/tideway-error.ts'

/** Whether the server reads forwarding headers, and from which proxies. */
export interface ProxyOptions {
  readonly proxyHeaders: boolean
  readonly trustedProxies: readonly string[]
}

/** The default trusted proxies: those on this machine. */
export const DEFAULT_TRUSTED_PROXIES: readonly string[] = Object.freeze(['127.0.0.0/8', '::1/128'])

/**
 * The proxies whose headers are trusted, by address or CIDR range (`10.0.0.0/8`, `fd00::/8`). `unix` means every connection over
 * a Unix socket, which has no address.
 */
export class TrustedProxies {
  readonly #addresses = new BlockList()
  readonly #trustsUnixSockets: boolean

  /** @throws TidewayError `ERR_BAD_OPTION` for an entry that is not an address, a range or `unix` */
  constructor(entries: readonly string[]) {
    this.#trustsUnixSockets = entries.includes('unix')
    for (const entry of entries) if (entry !== 'unix') this.#add(entry)
  }

  /** Whether the peer with this address is a trusted proxy. The peer of a Unix socket has the address `undefined`. */
  has(address: string | undefined): boolean {
    if (address === undefined) return this.#trustsUnixSockets
    const plain = canonicalAddress(address)
    const version = isIP(plain)
    return version !== 0 && this.#addresses.check(plain, version === 6 ? 'ipv6' : 'ipv4')
  }

  #add(entry: string): void {
    const [address = '', prefix, ...more] = entry.split('/')
    const version = isIP(address)
    const bits = prefix === undefined ? (version === 6 ? 128 : 32) : Number(prefix)
    const isRange =
      version !== 0 &&
      more.length === 0 &&
      /^\d*$/.test(prefix ?? '') &&
      prefix !== '' &&
      bits <= (version === 6 ? 128 : 32)
    if (entry === '*') {
      throw new TidewayError(
        'ERR_BAD_OPTION',
        'trustedProxies: "*" is not a range. If every peer is trusted, a client can claim any address: list the addresses of the proxies, such as "10.0.0.5" or "10.0.0.0/8".',
      )
    }
    if (!isRange) {
      throw new TidewayError(
        'ERR_BAD_OPTION',
        `trustedProxies: ${JSON.stringify(entry)} is not an IP address, a range such as "10.0.0.0/8" or "unix".`,
      )
    }
    this.#addresses.addSubnet(address, bits, version === 6 ? 'ipv6' : 'ipv4')
  }
}
