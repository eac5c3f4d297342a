import { randomBytes } from 'node:crypto'

/** 96 random bits: names are unique and cannot be guessed. */
const SUFFIX_LENGTH = 16
const SUFFIXES_KEPT = 256
/** Six bits per character. */
const BYTES = (SUFFIX_LENGTH * SUFFIXES_KEPT * 6) / 8

/** Random characters for many names: one call per name would take longer than the rest of the name. */
let characters = ''
let used = 0

/** Returns 16 random characters that are valid in a channel name. */
export function randomSuffix(): string {
  if (used === characters.length) {
    characters = randomBytes(BYTES).toString('base64url')
    used = 0
  }
  used += SUFFIX_LENGTH
  return characters.slice(used - SUFFIX_LENGTH, used)
}
