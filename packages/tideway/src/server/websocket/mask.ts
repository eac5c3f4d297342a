/**
 * Unmasks bytes in place (RFC 6455 §5.3).
 * @param mask the four bytes of the masking key, the first one highest
 * @param position how many bytes of the payload came before `start`
 */
export function unmask(bytes: Uint8Array, start: number, end: number, mask: number, position: number): void {
  const key = rotate(mask, position)
  const first = key >>> 24
  const second = (key >>> 16) & 0xff
  const third = (key >>> 8) & 0xff
  const fourth = key & 0xff
  let i = start
  for (const last = end - 3; i < last; i += 4) {
    bytes[i]! ^= first
    bytes[i + 1]! ^= second
    bytes[i + 2]! ^= third
    bytes[i + 3]! ^= fourth
  }
  if (i < end) bytes[i++]! ^= first
  if (i < end) bytes[i++]! ^= second
  if (i < end) bytes[i]! ^= third
}

/** As {@link unmask} from the beginning of a payload; whether all of it is ASCII, which needs no other check. */
export function unmaskAscii(bytes: Uint8Array, start: number, end: number, mask: number): boolean {
  const first = mask >>> 24
  const second = (mask >>> 16) & 0xff
  const third = (mask >>> 8) & 0xff
  const fourth = mask & 0xff
  let seen = 0
  let i = start
  for (const last = end - 3; i < last; i += 4) {
    seen |= (bytes[i]! ^= first) | (bytes[i + 1]! ^= second) | (bytes[i + 2]! ^= third) | (bytes[i + 3]! ^= fourth)
  }
  if (i < end) seen |= bytes[i++]! ^= first
  if (i < end) seen |= bytes[i++]! ^= second
  if (i < end) seen |= bytes[i]! ^= third
  return seen < 0x80
}

/** The key as it applies from this position of the payload on. */
function rotate(mask: number, position: number): number {
  const bits = (position & 3) * 8
  return bits === 0 ? mask : (mask << bits) | (mask >>> (32 - bits))
}
