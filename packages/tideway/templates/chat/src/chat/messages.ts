/** A message, in both directions. */
export interface Said {
  readonly who: string
  readonly text: string
}

const MAX_NAME = 40
const MAX_TEXT = 2000

/** A lone surrogate of UTF-16, which no message can carry. */
const HALF_CHARACTER = /\p{Surrogate}/u

/** Validates a message from a client. */
export function isSaid(content: unknown): content is Said {
  const { who, text } = (content ?? {}) as { readonly who?: unknown; readonly text?: unknown }
  return isText(who, MAX_NAME) && isText(text, MAX_TEXT)
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= maxLength && !HALF_CHARACTER.test(value)
}
