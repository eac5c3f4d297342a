// @if guests
/** A message, in both directions. */
// @if accounts
/** A message from a client. */
// @end
export interface Said {
  // @if guests
  readonly who: string
  // @end
  readonly text: string
}

// @if guests
const MAX_NAME = 40
// @end
const MAX_TEXT = 2000

/** A lone surrogate of UTF-16, which no message can carry. */
const HALF_CHARACTER = /\p{Surrogate}/u

/** Validates a message from a client. */
export function isSaid(content: unknown): content is Said {
  // @if guests
  const { who, text } = (content ?? {}) as { readonly who?: unknown; readonly text?: unknown }
  return isText(who, MAX_NAME) && isText(text, MAX_TEXT)
  // @if accounts
  const { text } = (content ?? {}) as { readonly text?: unknown }
  return isText(text, MAX_TEXT)
  // @end
}

function isText(value: unknown, maxLength: number): value is string {
  return typeof value === 'string' && value.trim() !== '' && value.length <= maxLength && !HALF_CHARACTER.test(value)
}
