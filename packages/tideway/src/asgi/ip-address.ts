import { isIP } from 'node:net'

/** An IPv4 address inside of an IPv6 one, as it is usually written and as `URL` writes it (RFC 4291 §2.5.5.2). */
const dottedMapping = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const hexMapping = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/

/**
 * The canonical form of an IP address, so that two spellings of one address are one string: IPv6 in lower case with its zeros
 * compressed (RFC 5952), and an IPv4-mapped address of a dual-stack socket as IPv4. Text that is not an
 * address, such as the path of a Unix socket, stays as it is.
 */
export function canonicalAddress(address: string): string {
  // IPv4 has one form only: `isIP` accepts no leading zeros.
  if (!address.includes(':')) return address
  const dotted = dottedMapping.exec(address)
  if (dotted !== null) return dotted[1]!
  if (isIP(address) !== 6) return address
  const zoneAt = address.indexOf('%')
  const [plain, zone] = zoneAt === -1 ? [address, ''] : [address.slice(0, zoneAt), address.slice(zoneAt)]
  const canonical = new URL(`http://[${plain}]`).hostname.slice(1, -1)
  const hex = hexMapping.exec(canonical)
  return hex === null ? canonical + zone : dottedOf(parseInt(hex[1]!, 16), parseInt(hex[2]!, 16))
}

/** The well-known prefix of IPv4 clients that a NAT64 translates (RFC 6052 §2.1): each is a client of its own. */
const NAT64_PREFIX = '64:ff9b::'
const GROUPS = 8
const NETWORK_GROUPS = 4

/**
 * The unit that limits count as one client: an IPv4 address, or the /64 network of an IPv6 address, as `2001:db8::/64`. A site has at
 * least a /64 (RFC 6177), so that one client has 2^64 addresses. Other text stays as it is.
 */
export function clientNetwork(address: string): string {
  const canonical = canonicalAddress(address)
  if (isIP(canonical) !== 6 || canonical.startsWith(NAT64_PREFIX)) return canonical
  const [plain] = canonical.split('%', 1)
  const [before = '', after] = plain!.split('::')
  const first = before === '' ? [] : before.split(':')
  const last = after === undefined || after === '' ? [] : after.split(':')
  const zeros = Array.from({ length: GROUPS - first.length - last.length }, () => '0')
  const network = [...first, ...zeros, ...last].slice(0, NETWORK_GROUPS)
  return `${canonicalAddress(`${network.join(':')}::`)}/64`
}

function dottedOf(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
