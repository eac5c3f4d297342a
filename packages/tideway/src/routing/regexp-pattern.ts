import { TidewayError } from '../errors/tideway-error.ts'
import type { PatternMatch, RegExpPattern } from './pattern.ts'

/**
 * Compiles the pattern of a `rePath`. It matches anywhere in the path, like Django's `re_path`: anchor it with `^` and `$`.
 * Throws `ERR_BAD_ROUTE` if the source is not a regular expression, or can never match.
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
    match(path: string): PatternMatch | undefined {
      // The flags "g" and "y" keep a position between calls. Every path is matched from its start.
      regexp.lastIndex = 0
      const found = regexp.exec(path)
      if (found === null) return undefined
      const rest = path.slice(found.index + found[0].length)
      // As in Django: if a group has a name, groups without one are ignored. A group that did not match is undefined.
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

/** Returns a copy, so that other uses of the same object do not change its `lastIndex`. */
function compiled(pattern: RegExp | string): RegExp {
  try {
    return new RegExp(pattern)
  } catch (cause) {
    const hint = String(pattern).includes('(?P<') ? ' A named group is "(?<name>…)" here, without the "P".' : ''
    throw new TidewayError('ERR_BAD_ROUTE', `${JSON.stringify(pattern)} is not a regular expression.${hint}`, { cause })
  }
}

/** Whether the source ends in an unescaped `$`. */
function endsInDollar(source: string): boolean {
  const backslashes = /\\*(?=\$$)/.exec(source)
  return backslashes !== null && backslashes[0].length % 2 === 0
}

/** Whether every match must start with a slash. */
function startsWithSlash(regexp: RegExp): boolean {
  return /^\^\\?\/(?![?*{])/.test(regexp.source) && !regexp.source.includes('|') && !regexp.multiline
}
