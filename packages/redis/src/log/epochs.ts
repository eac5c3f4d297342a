import { randomBytes } from 'node:crypto'

import type { EpochStart } from 'tideway/layer'

/** The random bytes of the name of an epoch: 8 characters. */
const EPOCH_BYTES = 6

/** Returns the name of a new epoch. */
export function newEpoch(): string {
  return randomBytes(EPOCH_BYTES).toString('base64url')
}

/** Reads `epoch>from epoch>from`. */
export function parseStarts(text: string): EpochStart[] {
  return text.split(' ').map((start) => {
    const [epoch, from] = start.split('>') as [string, string]
    return { epoch, from: Number(from) }
  })
}
