import { TidewayError } from '../errors/tideway-error.ts'
import { converters } from './converters.ts'
import { matchParts } from './path-matcher.ts'
import type { Part, Segment } from './path-syntax.ts'
import type { PathPattern } from './pattern.ts'
import type { Route } from './route.ts'

/**
 * Throws `ERR_BAD_ROUTE` if a route can never be reached, because an earlier one matches all of its paths. Only certain cases
 * count: regular expressions are compared by their text, and a route that may fall through to the next one is ignored.
 */
export function refuseUnreachable(routes: readonly Route[]): void {
  for (const [i, later] of routes.entries()) {
    const j = routes.slice(0, i).findIndex((earlier) => takesAll(earlier, later))
    if (j < 0) continue
    throw new TidewayError(
      'ERR_BAD_ROUTE',
      `Route ${i + 1} of the urlRouter, ${later.description}, can never be reached: route ${j + 1}, ` +
        `${routes[j]!.description}, matches all of its paths. Put the narrower route first, or remove one.`,
    )
  }
}

function takesAll({ isPrefix, pattern: earlier }: Route, { isPrefix: goesOn, pattern: later }: Route): boolean {
  if (isPrefix) return false
  if (later.kind === 'regexp') return earlier.kind === 'regexp' && earlier.source === later.source
  const only = goesOn ? undefined : onlyPathOf(later)
  if (only !== undefined) return earlier.match(only) !== undefined
  return earlier.kind === 'path' && shapesOf(later, goesOn).every((shape) => takesShape(earlier.segments, shape))
}

/** The only path of a pattern without parameters. */
function onlyPathOf({ segments }: PathPattern): string | undefined {
  return segments.every(isLiteral) ? segments.map(([text = '']) => text).join('/') : undefined
}

/** The rest of the path after a prefix: any text, which may be empty or contain slashes. */
const anything = Symbol('anything')
type Shape = readonly (Segment | typeof anything)[]

/** The shapes of the paths that a pattern matches, segment by segment. */
function shapesOf({ segments }: PathPattern, goesOn: boolean): Shape[] {
  if (!goesOn) return [segments]
  const endsInSlash = segments.at(-1)!.length === 0
  return endsInSlash ? [[...segments.slice(0, -1), anything]] : [segments, [...segments, anything]]
}

/**
 * Whether the pattern matches every path of the shape. Every parameter except `<path:…>` matches within one segment. So without
 * a `<path:…>`, or with one that is a whole segment, each segment of the pattern matches a known part of the path.
 */
function takesShape(pattern: readonly Segment[], shape: Shape): boolean {
  const wide = pattern.filter(isWide)
  if (wide.length > 1 || wide.some((segment) => segment.length > 1)) return takesPairwise(pattern, shape, isSame)
  if (wide.length === 0) return takesPairwise(pattern, shape, takesSegment)

  if (shape.length < pattern.length) return false
  const before = pattern.findIndex(isWide)
  const after = before + 1 - pattern.length // counted from the end: zero or negative
  const middleEnd = shape.length + after
  const middle = shape.slice(before, middleEnd)
  return (
    takesPairwise(pattern.slice(0, before), shape.slice(0, before), takesSegment) &&
    takesPairwise(pattern.slice(before + 1), shape.slice(middleEnd), takesSegment) &&
    (middle.length > 1 || (middle[0] !== anything && middle[0]!.length > 0))
  )
}

function takesPairwise(pattern: readonly Segment[], shape: Shape, takes: typeof takesSegment): boolean {
  if (pattern.length !== shape.length) return false
  return pattern.every((segment, i) => {
    const other = shape[i]!
    return other !== anything && takes(segment, other)
  })
}

/** Whether the first segment, which has no `<path:…>`, matches every text that the second matches. */
function takesSegment(segment: Segment, other: Segment): boolean {
  if (isSame(segment, other)) return true
  const [part, ...more] = segment
  if (part === undefined || typeof part === 'string' || more.length > 0) return false
  const converter = converters[part.converter]
  const [first, ...rest] = other
  if (first === undefined || isWide(other)) return false
  if (rest.length > 0) return part.converter === 'str'
  if (typeof first !== 'string') return converter.includes.includes(first.converter)
  return matchParts([part], first, 'end') !== undefined && converter.read(first) !== undefined
}

/** Whether two segments differ in the names of their parameters only. */
function isSame(segment: Segment, other: Segment): boolean {
  return segment.length === other.length && segment.every((part, i) => kindOf(part) === kindOf(other[i]!))
}

function kindOf(part: Part): string {
  return typeof part === 'string' ? `text ${part}` : `converter ${part.converter}`
}

function isLiteral(segment: Segment): segment is readonly string[] {
  return segment.every((part) => typeof part === 'string')
}

function isWide(segment: Segment): boolean {
  return segment.some((part) => typeof part !== 'string' && part.converter === 'path')
}
