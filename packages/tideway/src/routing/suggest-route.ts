import type { Part, Segment } from './path-syntax.ts'
import type { Route } from './route.ts'

/** Longer paths are not compared: a wrong letter in one is unlikely, and the comparison takes time in proportion to the square. */
const MAX_PATH_LENGTH = 200
/** How many letters of a path may be wrong. */
const MAX_DISTANCE = 2
const MAX_ROUTES_NAMED = 5

/**
 * A sentence that names the path that was probably meant, or the routes if there are few; `undefined` if neither helps.
 * @param root what stands before the path in the URL, to its slash
 * @param path without its leading slash
 * @param matches whether the router has a route for a path
 */
export function suggestRoute(
  root: string,
  path: string,
  routes: readonly Route[],
  matches: (path: string) => boolean,
): string | undefined {
  if (path.length > MAX_PATH_LENGTH) return undefined
  const patterns = patternsOf(routes)
  const nearest = nearestPath(path, patterns, matches)
  if (nearest !== undefined) return `Did you mean ${JSON.stringify(root + nearest)}?`
  if (patterns.length === 0 || patterns.length > MAX_ROUTES_NAMED) return undefined
  return `The routes are ${patterns.map(({ source }) => JSON.stringify(root + source)).join(', ')}.`
}

/** A route to its end, through the routers that no middleware hides. */
interface WholePattern {
  readonly source: string
  /** `undefined`: a regular expression is on the way. */
  readonly segments: readonly Segment[] | undefined
}

function patternsOf(routes: readonly Route[]): WholePattern[] {
  return routes.flatMap(({ pattern, innerRoutes }) => {
    const own: WholePattern =
      pattern.kind === 'path'
        ? { source: JSON.parse(pattern.source) as string, segments: pattern.segments }
        : { source: pattern.source, segments: undefined }
    return innerRoutes === undefined ? [own] : patternsOf(innerRoutes).map((inner) => joined(own, inner))
  })
}

function joined(outer: WholePattern, inner: WholePattern): WholePattern {
  const source = outer.source + inner.source
  if (outer.segments === undefined || inner.segments === undefined) return { source, segments: undefined }
  // A prefix that ends with a slash has an empty segment there, which the inner route begins.
  const before = outer.segments.at(-1)?.length === 0 ? outer.segments.slice(0, -1) : outer.segments
  return { source, segments: [...before, ...inner.segments] }
}

function nearestPath(
  path: string,
  patterns: readonly WholePattern[],
  matches: (path: string) => boolean,
): string | undefined {
  const otherEnd = path.endsWith('/') ? path.slice(0, -1) : `${path}/`
  if (matches(otherEnd)) return otherEnd
  let nearest: { readonly path: string; readonly distance: number } | undefined
  for (const { segments } of patterns) {
    const found = segments && withLiterals(path, segments)
    if (found === undefined || found.distance > MAX_DISTANCE || !matches(found.path)) continue
    if (nearest === undefined || found.distance < nearest.distance) nearest = found
  }
  return nearest?.path
}

/** The path with the literal text of the pattern, and how many letters that changes. */
function withLiterals(path: string, pattern: readonly Segment[]): { path: string; distance: number } | undefined {
  const given = path.split('/')
  let distance = 0
  if (given.at(-1) === '' && pattern.at(-1)?.length !== 0) given.pop()
  if (given.at(-1) !== '' && pattern.at(-1)?.length === 0) given.push('')
  if (given.length !== pattern.length) return undefined
  const fixed = pattern.map((segment, i) => {
    if (!segment.every(isLiteral)) return given[i]!
    const text = segment.join('')
    const changes = editDistance(given[i]!, text)
    // A short word with few letters in common is another word.
    distance += changes * 2 > text.length ? Infinity : changes
    return text
  })
  return { path: fixed.join('/'), distance }
}

function isLiteral(part: Part): part is string {
  return typeof part === 'string'
}

/** Levenshtein's: how many letters are inserted, removed or replaced. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, i) => i)
  for (let i = 1; i <= from.length; i += 1) {
    const next = [i]
    for (let j = 1; j <= to.length; j += 1) {
      const replaced = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1)
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1))
    }
    row = next
  }
  return row[to.length]!
}
