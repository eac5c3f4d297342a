import type { Segment } from './path-syntax.ts'

/** The values that a pattern found in a path. */
export interface PatternMatch {
  readonly args: readonly string[]
  readonly kwargs: Readonly<Record<string, string | number>>
  /** The path after the match. */
  readonly rest: string
}

/** A pattern, compiled when the route is created. Paths have no leading slash. */
export type Pattern = PathPattern | RegExpPattern

interface Matching {
  /** The pattern as text, for messages. */
  readonly source: string
  /** Returns `undefined` if the path does not match. */
  match(path: string): PatternMatch | undefined
}

/** The pattern of a `path` or `mount`. */
export interface PathPattern extends Matching {
  readonly kind: 'path'
  readonly segments: readonly Segment[]
}

/** The pattern of a `rePath`. */
export interface RegExpPattern extends Matching {
  readonly kind: 'regexp'
  /** Whether it ends in `$`: then it matches to the end of the path, and an inner router has nothing left. */
  readonly readsToEnd: boolean
}
