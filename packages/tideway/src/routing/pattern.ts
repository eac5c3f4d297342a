import type { Segment } from './path-syntax.ts'

/** What a pattern read from a path. */
export interface Reading {
  readonly args: readonly string[]
  readonly kwargs: Readonly<Record<string, string | number>>
  /** The path after the match. */
  readonly rest: string
}

/** A pattern, prepared once, when the route is built. Paths come without their leading slash. */
export type Pattern = PathPattern | RegExpPattern

interface Matching {
  /** How a message names it. */
  readonly source: string
  /** `undefined`: no match. */
  match(path: string): Reading | undefined
}

/** A pattern of `path` or `mount`. */
export interface PathPattern extends Matching {
  readonly kind: 'path'
  readonly segments: readonly Segment[]
}

/** A pattern of `rePath`. */
export interface RegExpPattern extends Matching {
  readonly kind: 'regexp'
  /** Whether its text ends in `$`: it reads the whole path, and leaves nothing for an inner router. */
  readonly readsToEnd: boolean
}
