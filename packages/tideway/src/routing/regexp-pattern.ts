import { TidewayError } from '../errors/tideway-error.ts'
import type { Reading, RegExpPattern } from './pattern.ts'

/**
 * Compiles the pattern of a `rePath`: found anywhere in the path, as by Django's `re_path`, so anchor it with `^` and
 * `$`. Throws `ERR_BAD_ROUTE` on a source that is no regular expression, and on one that can never match.
 */
export function regExpPattern(pattern: RegExp | string): RegExpPattern {
  const regexp = compiled(pattern)
  if (startsWithSlash(regexp)) {
    throw new TidewayError(
      'ERR_BAD_ROUTE',
      `The regular expression ${String(regexp)} can never match: paths are matched without their leading slash, ` +
        'so leave it out after the "^".',
    )
  }
  return {
    kind: 'regexp',
    source: String(regexp),
    readsToEnd: endsInDollar(regexp.source) && !regexp.multiline,
    match(path: string): Reading | undefined {
      // The flags "g" and "y" keep their place from one call to the next: every path is read from its start.
      regexp.lastIndex = 0
      const found = regexp.exec(path)
      if (found === null) return undefined
      const rest = path.slice(found.index + found[0].length)
      // As in Django: where a group has a name, those without one are ignored. A group that took no part is undefined.
      if (found.groups === undefined) {
        return { args: found.slice(1).map((text: string | undefined) => text ?? ''), kwargs: {}, rest }
      }
      const named = Object.entries<string | undefined>(found.groups)
      return { args: [], kwargs: Object.fromEntries(named.filter(hasValue)), rest }
    },
  }
}

function hasValue(entry: [string, string | undefined]): entry is [string, string] {
  return entry[1] !== undefined
}

/** A copy, so that nobody else's use of the same object moves its `lastIndex`. */
function compiled(pattern: RegExp | string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (cause) {
    const hint = String(pattern).includes('(?P<') ? ' A named group is "(?<name>…)" here, without the "P".' : ''
    throw new TidewayError('ERR_BAD_ROUTE', `${JSON.stringify(pattern)} is no regular expression.${hint}`, { cause })
  }
}

/** Whether the text ends in a `$` that is not escaped. */
function endsInDollar(source: string): boolean {
  const backslashes = /\\*(?=\$$)/.exec(source)
  return backslashes !== null && backslashes[0].length % 2 === 0
}

/** Whether it asks for a slash, not an optional one, at the very start, and for nothing else instead. */
function startsWithSlash(regexp: RegExp): boolean {
  return /^\^\\?\/(?![?*{])/.test(regexp.source) && !regexp.source.includes('|') && !regexp.multiline
}
