/** What a URL router read from the path on the way to the application. */
export interface UrlRoute<Kwargs extends object = Record<string, unknown>> {
  /** The unnamed groups of regular expressions, outermost router first; `""` for a group that took no part. */
  readonly args: readonly string[]
  /** The named parameters of every pattern on the way, and the extra ones of the routes. An inner route's win. */
  readonly kwargs: Kwargs
}

/** What `urlRouter` adds to the scope of the application that it chooses. */
export interface Routed<Kwargs extends object = Record<string, unknown>> {
  readonly urlRoute: UrlRoute<Kwargs>
}
