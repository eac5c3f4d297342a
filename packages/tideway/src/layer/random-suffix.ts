import { randomBytes } from 'node:crypto'

/** 96 bits: two channels of one process never have the same name, and no name can be guessed. */
const SUFFIX_LENGTH = 16
const SUFFIXES_KEPT = 256
/** Six bits a character. */
const BYTES = (SUFFIX_LENGTH * SUFFIXES_KEPT * 6) / 8

/** Made for many names at once, since a call for each would take longer than the rest of the name. */
let characters = ''
let used = 0

/** 16 random characters that a channel name may have. */
export function randomSuffix(): string {
  if (used === characters.length) {
    characters = randomBytes(BYTES).toString('base64url')
    used = 0
  }
  used += SUFFIX_LENGTH
  return characters.slice(used - SUFFIX_LENGTH, used)
}
