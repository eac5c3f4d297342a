import { isIP } from 'node:net'

/** An IPv4 address inside of an IPv6 one, as it is usually written and as `URL` writes it (RFC 4291 §2.5.5.2). */
const dottedMapping = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i
const hexMapping = /^::ffff:([\da-f]{1,4}):([\da-f]{1,4})$/

/**
 * The canonical form of an IP address, so that two spellings of one address are one string: IPv6 in lower case with its zeros
 * compressed (RFC 5952), and an IPv4 address that a dual-stack socket gives as IPv6 in its own form. Text that is not an
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

function dottedOf(high: number, low: number): string {
  return [high >> 8, high & 255, low >> 8, low & 255].join('.')
}
