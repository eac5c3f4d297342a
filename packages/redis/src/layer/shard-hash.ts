import { crc32 } from 'node:zlib'

/**
 * Returns the index of the host of a name, as channels_redis computes it: the lowest 12 bits of the name's CRC-32,
 * distributed evenly over the hosts.
 */
export function shardOf(name: string, hostCount: number): number {
  return hostCount === 1 ? 0 : Math.floor((crc32(name) & 0xfff) / (4096 / hostCount))
}
