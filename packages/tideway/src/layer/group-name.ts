import { createHash } from 'node:crypto'
import { TidewayError } from '../errors/tideway-error.ts'
import { MAX_NAME_LENGTH } from './names.ts'

/** Unescaped characters. `_` begins an escape, and `.` separates two parts. */
const plainPattern = /^[a-zA-Z0-9-]$/

/** An empty part: two periods in a row always begin a hash. No escape contains a `-`. */
const EMPTY = '_-'

/** Django refuses names of 100 characters, and computes the same names (docs/guides/django.md). */
const MAX_LENGTH = MAX_NAME_LENGTH - 1

/** SHA-256 in base64url: 43 characters that are valid in a name. */
const HASH_LENGTH = 43

/**
 * Makes a valid group name of any text: `groupName('chat', room)` for a room with a name from a user. Different parts give
 * different names. The same parts give the same name in every process and every version.
 *
 * ASCII letters, digits and hyphens stay. Any other character is written as its bytes in UTF-8, `_` and two hexadecimal
 * digits each (half a surrogate pair as `_u` and four). Parts are joined by `.`; a number is written as text. A name over
 * 99 characters is shortened and ends in the SHA-256 of the whole.
 * @throws TidewayError `ERR_BAD_NAME` without a part, and for a part that is not a string or number
 */
export function groupName(...parts: readonly [string | number, ...(string | number)[]]): string {
  if (parts.length === 0) throw new TidewayError('ERR_BAD_NAME', "groupName() needs a part: groupName('chat', room).")
  const name = parts.map(encoded).join('.')
  if (name.length <= MAX_LENGTH) return name
  const hash = createHash('sha256').update(name).digest('base64url')
  return `${name.slice(0, MAX_LENGTH - HASH_LENGTH - 2).replace(/\.+$/, '')}..${hash}`
}

function encoded(part: unknown): string {
  if (typeof part !== 'string' && typeof part !== 'number') {
    throw new TidewayError('ERR_BAD_NAME', `A part of groupName() must be a string or a number, not ${typeof part}.`)
  }
  let text = ''
  for (const character of String(part)) text += plainPattern.test(character) ? character : escaped(character)
  return text === '' ? EMPTY : text
}

function escaped(character: string): string {
  const code = character.charCodeAt(0)
  if (character.length === 1 && code >= 0xd800 && code <= 0xdfff) return `_u${code.toString(16)}`
  return Buffer.from(character).toString('hex').replace(/../g, '_$&')
}
