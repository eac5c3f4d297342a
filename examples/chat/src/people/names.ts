const MAX_NAME_LENGTH = 32
const MIN_PASSWORD_LENGTH = 8
const MAX_PASSWORD_LENGTH = 200
/** Control characters, and those that turn the direction of what stands after them. */
const UNSEEMLY = /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u

/** A name as the chat takes it, or what is wrong with it. `""` is a guest's. */
export function checkedName(given: unknown): { name: string; problem?: string } {
  const name = typeof given === 'string' ? given.trim().replaceAll(/\s+/g, ' ') : ''
  if (typeof given !== 'string') return { name, problem: 'A name is a text.' }
  if (name.length > MAX_NAME_LENGTH) return { name, problem: `A name has at most ${MAX_NAME_LENGTH} characters.` }
  if (UNSEEMLY.test(name)) return { name, problem: 'This name has characters that cannot be seen.' }
  if (name.toLowerCase() === 'guest') return { name, problem: '“guest” is what people without a name are called.' }
  return { name }
}

/** A password as the chat takes it, or what is wrong with it. */
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
