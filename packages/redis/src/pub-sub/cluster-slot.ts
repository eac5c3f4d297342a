/** The number of slots of a Redis Cluster (specification of Redis Cluster, "Key distribution model"). */
export const SLOTS = 16_384

/** The slot of a key or shard channel. Only the text between its first `{` and the next `}` counts, unless that is empty. */
export function slotOf(key: string): number {
  const start = key.indexOf('{')
  const end = start === -1 ? -1 : key.indexOf('}', start + 1)
  return crc16(Buffer.from(end > start + 1 ? key.slice(start + 1, end) : key)) % SLOTS
}

/** CRC-16/XMODEM. */
function crc16(bytes: Uint8Array): number {
  let crc = 0
  for (const byte of bytes) {
    crc ^= byte << 8
    for (let bit = 0; bit < 8; bit++) crc = crc & 0x8000 ? ((crc << 1) ^ 0x1021) & 0xffff : (crc << 1) & 0xffff
  }
  return crc
}
