import { TidewayError } from '../errors/tideway-error.ts'
import { converters, isConverterName, type ConverterName } from './converters.ts'

/** A parameter of a path pattern. */
export interface Parameter {
  readonly name: string
  readonly converter: ConverterName
}

/** A literal text, which is never empty, or a parameter. */
export type Part = string | Parameter

/** The parts between two slashes of a path pattern, in order. Empty if there is no text between them. */
export type Segment = readonly Part[]

/**
 * Parses a path pattern: literal text, `:name` for a whole segment, and `<name>` or `<converter:name>` anywhere.
 * Throws `ERR_BAD_ROUTE` if the pattern is malformed.
 */
export function parsePath(source: string): readonly Segment[] {
  if (source.startsWith('/')) {
    throw bad(source, 'starts with a slash: paths are matched without their leading slash, so leave it out')
  }
  if (source.startsWith('^') || source.endsWith('$')) {
    throw bad(source, 'looks like a regular expression: give it to rePath, or leave out the "^" and the "$"')
  }
  const segments = source.split('/').map((text) => parseSegment(source, text))
  const seen = new Set<string>()
  for (const part of segments.flat()) {
    if (typeof part === 'string') continue
    if (seen.has(part.name)) throw bad(source, `has two parameters named "${part.name}"`)
    seen.add(part.name)
  }
  return segments
}

const identifier = /^[A-Za-z_$][\w$]*$/

function parseSegment(source: string, text: string): Segment {
  if (text.startsWith(':')) return [parameter(source, 'str', text.slice(1))]
  // A split by a pattern with one group returns text, group, text, group, …, text.
  return text
    .split(/<([^<>]*)>/)
    .map((part, i) => (i % 2 === 0 ? literal(source, part) : bracketed(source, part)))
    .filter((part) => part !== '')
}

function literal(source: string, text: string): string {
  if (text.includes('<')) throw bad(source, `has a "<" without its ">" in ${JSON.stringify(text)}`)
  if (text.includes('>')) throw bad(source, `has a ">" without its "<" in ${JSON.stringify(text)}`)
  if (/:[A-Za-z_$]/.test(text)) {
    throw bad(
      source,
      `has a ":" inside a segment: ":name" stands for a whole one. Write "<str:name>", or rePath for a literal ":"`,
    )
  }
  return text
}

function bracketed(source: string, inside: string): Parameter {
  const colon = inside.indexOf(':')
  return colon < 0
    ? parameter(source, 'str', inside)
    : parameter(source, inside.slice(0, colon), inside.slice(colon + 1))
}

function parameter(source: string, converter: string, name: string): Parameter {
  if (!isConverterName(converter)) {
    const known = Object.keys(converters).join(', ')
    throw bad(source, `has the unknown converter ${JSON.stringify(converter)}; there are: ${known}`)
  }
  if (!identifier.test(name))
    throw bad(source, `has a parameter whose name is not an identifier: ${JSON.stringify(name)}`)
  return { name, converter }
}

function bad(source: string, what: string): TidewayError {
  return new TidewayError('ERR_BAD_ROUTE', `The path pattern ${JSON.stringify(source)} ${what}.`)
}
