const MAX_NAME_LENGTH = 32
const MIN_PASSWORD_LENGTH = 8
const MAX_PASSWORD_LENGTH = 200
/** Invisible characters, such as U+200B, U+00AD and U+3164; also U+2800, an empty Braille pattern. */
const INVISIBLE = /\p{Default_Ignorable_Code_Point}|\u2800/gu
/** The invisible characters that a name may need: joiners in Persian, Indic scripts and emoji, and the form of an emoji. */
const JOINERS = /\u200C|\u200D|\uFE0F/g
/** Control characters, lone surrogates, and characters that change the direction of the following text. */
const UNSEEMLY = /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u

/** Returns the accepted name, or the problem. `""` is the name of a guest. */
export function checkedName(given: unknown): { name: string; problem?: string } {
  const name = typeof given === 'string' ? given.trim().replaceAll(/\s+/g, ' ') : ''
  if (typeof given !== 'string') return { name, problem: 'A name is a text.' }
  if (name.length > MAX_NAME_LENGTH) return { name, problem: `A name has at most ${MAX_NAME_LENGTH} characters.` }
  const isVisible = name === '' || folded(name) !== ''
  if (UNSEEMLY.test(name) || !isVisible || name.replace(JOINERS, '').search(INVISIBLE) >= 0) {
    return { name, problem: 'This name has invisible characters.' }
  }
  if (/^(guest|손님)( \d+)?$/.test(folded(name))) {
    return { name, problem: '“guest” is what people without a name are called.' }
  }
  return { name }
}

/**
 * Returns the normalized name for comparisons. Names that look the same are equal: "anna", "ANNA" and an "anna" with a zero-width
 * space. Similar letters of different scripts remain different.
 */
export function folded(name: string): string {
  return name.normalize('NFKC').replace(INVISIBLE, '').toLowerCase().normalize('NFKC').replaceAll(/\s+/g, ' ').trim()
}

/** Returns the accepted password, or the problem. */
export function checkedPassword(given: unknown): { password: string; problem?: string } {
  if (typeof given !== 'string') return { password: '', problem: 'A password is a text.' }
  const password = given
  if (password.length < MIN_PASSWORD_LENGTH) {
    return { password, problem: `A password has at least ${MIN_PASSWORD_LENGTH} characters.` }
  }
  if (password.length > MAX_PASSWORD_LENGTH) {
    return { password, problem: `A password has at most ${MAX_PASSWORD_LENGTH} characters.` }
  }
  return { password }
}
