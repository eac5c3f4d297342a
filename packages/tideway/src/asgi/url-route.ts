/** The parameters that URL routers read from the path. */
export interface UrlRoute<Kwargs extends object = Record<string, unknown>> {
  /** The unnamed groups of regular expressions, outermost router first; `""` for a group without a match. */
  readonly args: readonly string[]
  /** The named parameters of all patterns, and the extra ones of the routes. Those of an inner route override outer ones. */
  readonly kwargs: Kwargs
}

/** The properties that `urlRouter` adds to the scope of the matched application. */
export interface Routed<Kwargs extends object = Record<string, unknown>> {
  readonly urlRoute: UrlRoute<Kwargs>
}
