import { crc32 } from 'node:zlib'

/**
 * The index of the host that a name belongs to, as every channels_redis of the same host list computes it: the lowest
 * 12 bits of the name's CRC-32, spread evenly over the hosts.
 */
export function shardOf(name: string, hostCount: number): number {
  return hostCount === 1 ? 0 : Math.floor((crc32(name) & 0xfff) / (4096 / hostCount))
}
