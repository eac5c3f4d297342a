import { converters } from './converters.ts'
import type { Parameter, Part } from './path-syntax.ts'

/** Where a match may end: at the end of the text, anywhere, or at the end and before slashes. */
export type Ending = 'end' | 'anywhere' | 'segment'

/**
 * Matches a text against the parts of a pattern, from the start of the text. Like a regular expression, each parameter
 * matches the longest text that lets the rest match. Returns the end of each part, or `undefined`.
 *
 * A regular expression would backtrack if parameters can divide a text in many ways: with three `<path:…>` it took 10
 * seconds for a path of 8 kB, which any client can send. This function takes time proportional to the text for every
 * pattern: it goes through the parts from last to first, and reads the text once for each.
 */
export function matchParts(parts: readonly Part[], text: string, ending: Ending): readonly number[] | undefined {
  if (parts.length === 0) return mayEnd(text, 0, ending) ? [] : undefined
  // The usual case: one parameter has to match the whole text.
  if (parts.length === 1 && ending === 'end') return isWhole(text, parts[0]!) ? [text.length] : undefined
  const rows: Row[] = []
  let next: Row | undefined
  for (let i = parts.length - 1; i >= 0; i -= 1) {
    const part = parts[i]!
    next = typeof part === 'string' ? literalRow(text, part, ending, next) : parameterRow(text, part, ending, next)
    rows[i] = next
  }
  const ends: number[] = []
  let position = 0
  for (const row of rows) {
    position = row[position]!
    if (position === 0) return undefined
    ends.push(position)
  }
  return ends
}

/** Whether the part matches the whole text. */
function isWhole(text: string, part: Part): boolean {
  if (typeof part === 'string') return text === part
  const { takes, shape } = converters[part.converter]
  if (shape !== undefined) return text.length === shape.length && shape.regexp.test(text)
  for (let at = 0; at < text.length; at += 1) if (!takes(characterAt(text, at))) return false
  return text !== ''
}

/** For one part and each start position: the end of the part if the rest matches after it, else 0. No part is empty. */
type Row = readonly number[]

function literalRow(text: string, literal: string, ending: Ending, next: Row | undefined): Row {
  const row = emptyRow(text)
  for (let at = text.indexOf(literal); at !== -1; at = text.indexOf(literal, at + 1)) {
    if (matchesFrom(text, at + literal.length, ending, next)) row[at] = at + literal.length
  }
  return row
}

function parameterRow(text: string, { converter }: Parameter, ending: Ending, next: Row | undefined): Row {
  const { takes, shape } = converters[converter]
  const row = emptyRow(text)
  if (shape !== undefined) {
    for (let at = 0, end = shape.length; end <= text.length; at += 1, end += 1) {
      if (matchesFrom(text, end, ending, next) && shape.regexp.test(text.slice(at, end))) row[at] = end
    }
    return row
  }
  // The farthest end that is reachable. A character that the parameter does not accept makes it unreachable from the left.
  let farthest = 0
  for (let at = text.length - 1; at >= 0; at -= 1) {
    if (!takes(characterAt(text, at))) farthest = 0
    else if (farthest === 0 && matchesFrom(text, at + 1, ending, next) && isBorder(text, at + 1)) farthest = at + 1
    row[at] = farthest
  }
  return row
}

function emptyRow(text: string): number[] {
  // A tenth of the time of Array.from({ length }), which reads an array-like object.
  const row: number[] = []
  for (let at = 0; at <= text.length; at += 1) row.push(0)
  return row
}

/** Whether the rest of the pattern matches from the position on. */
function matchesFrom(text: string, position: number, ending: Ending, next: Row | undefined): boolean {
  return next === undefined ? mayEnd(text, position, ending) : next[position]! > 0
}

function mayEnd(text: string, position: number, ending: Ending): boolean {
  if (position === text.length || ending === 'anywhere') return true
  return ending === 'segment' && text[position] === '/'
}

/** The code point of the character to which the unit at this position belongs. */
function characterAt(text: string, at: number): number {
  const unit = text.charCodeAt(at)
  if (unit < 0xd800 || unit > 0xdfff) return unit
  return text.codePointAt(isBorder(text, at) ? at : at - 1)!
}

/** Whether the position is between two characters: one outside the Basic Multilingual Plane has two units. */
function isBorder(text: string, position: number): boolean {
  return position === 0 || text.codePointAt(position - 1)! <= 0xffff
}
