import type { Application } from '../asgi/application.ts'
import { traitsOf } from '../asgi/application-traits.ts'
import type { Routed } from '../asgi/url-route.ts'
import type { PathKwargs, RegExpKwargs } from './kwargs-of.ts'
import { pathPattern } from './path-pattern.ts'
import type { Pattern } from './pattern.ts'
import { regExpPattern } from './regexp-pattern.ts'
import { requireApplication } from './require-application.ts'
import type { KwargsMatch, MissingKwargs, Overridden, RoutableScope, WithoutUrlRoute } from './required-scope.ts'

/**
 * A pattern and its application, for `urlRouter`. `S` is the scope that it needs from the router. `Kwargs` are the kwargs
 * that its application needs and its own pattern does not give: an outer router has to give them.
 */
export interface Route<S extends RoutableScope = never, Kwargs extends object = never> {
  readonly pattern: Pattern
  readonly application: Application<S & Routed<Kwargs>>
  readonly extraKwargs: object
  /** The routes of the application, if it is a `urlRouter` without middleware around it. The outer router matches them itself. */
  readonly innerRoutes: readonly Route[] | undefined
  /**
   * Whether the path may continue after the match. Such a route is not final: if an inner router has no match, the outer
   * router continues with its next route.
   */
  readonly isPrefix: boolean
  /** The route as the application wrote it, for messages. */
  readonly description: string
}

/** The routes of a `urlRouter`; `undefined` for any other application, and for middleware around a router. */
export function routesOf(application: object): readonly Route[] | undefined {
  return traitsOf(application).routes as readonly Route[] | undefined
}

/** The kwargs of routes without extra ones, and of paths outside of a router. */
export const noKwargs: object = Object.freeze({})

/** The type of a route whose pattern and extra kwargs give these kwargs. */
type RouteTo<S extends RoutableScope, Captured, Extra> = Route<
  WithoutUrlRoute<S>,
  MissingKwargs<S, Overridden<Captured, Extra>>
>

/** The application of a route, if the kwargs have the types that it needs. */
type Target<S extends RoutableScope, Captured, Extra> = Application<S> & KwargsMatch<S, Overridden<Captured, Extra>>

/**
 * A route for paths that match the whole pattern: `:name` is one segment, and `<int:name>`, `<str:name>`, `<slug:name>`, `<uslug:name>`,
 * `<uuid:name>` and `<path:name>` are Django's. `extraKwargs` are added to the kwargs and override them. If the application
 * is a `urlRouter`, the route is a {@link mount}. Throws `ERR_BAD_ROUTE` if the pattern is malformed.
 */
export function path<const P extends string, S extends RoutableScope, X extends object = object>(
  pattern: P,
  application: Target<S, PathKwargs<P>, X>,
  extraKwargs?: X,
): RouteTo<S, PathKwargs<P>, X> {
  const isPrefix = routesOf(application) !== undefined
  return route({
    pattern: pathPattern(pattern, isPrefix ? 'prefix' : 'whole'),
    application,
    extraKwargs,
    isPrefix,
    description: `path(${JSON.stringify(pattern)})`,
  })
}

/**
 * A route for paths that begin with the pattern. `scope.pathRemaining` has the rest of the path, and a `urlRouter` in the
 * application matches that rest, also behind middleware. Patterns and kwargs are those of {@link path}. A match ends at the
 * end of a segment. Throws `ERR_BAD_ROUTE` if the pattern is malformed.
 */
export function mount<const P extends string, S extends RoutableScope, X extends object = object>(
  pattern: P,
  application: Target<S, PathKwargs<P>, X>,
  extraKwargs?: X,
): RouteTo<S, PathKwargs<P>, X> {
  return route({
    pattern: pathPattern(pattern, 'prefix'),
    application,
    extraKwargs,
    isPrefix: true,
    description: `mount(${JSON.stringify(pattern)})`,
  })
}

/**
 * A route for paths that contain a match of the regular expression or its source, like Django's `re_path`. Paths have no
 * leading slash; anchor the expression with `^` and `$`. Named groups are kwargs; unnamed groups are args only if no group has
 * a name. Throws `ERR_BAD_ROUTE` if the expression is malformed or can never match.
 */
export function rePath<const P extends RegExp | string, S extends RoutableScope, X extends object = object>(
  pattern: P,
  application: Target<S, RegExpKwargs<P>, X>,
  extraKwargs?: X,
): RouteTo<S, RegExpKwargs<P>, X> {
  const compiled = regExpPattern(pattern)
  return route({
    pattern: compiled,
    application,
    extraKwargs,
    isPrefix: routesOf(application) !== undefined || !compiled.readsToEnd,
    description: `rePath(${compiled.source})`,
  })
}

interface RouteParts {
  readonly pattern: Pattern
  readonly application: Application<never>
  readonly extraKwargs: object | undefined
  readonly isPrefix: boolean
  readonly description: string
}

function route<S extends RoutableScope, Kwargs extends object>(parts: RouteParts): Route<S, Kwargs> {
  const { application, extraKwargs = noKwargs, description } = parts
  requireApplication(application, description)
  return {
    ...parts,
    // The type parameters state what the router has to add to the scope. The compiler checks the types there.
    application: application as Application<S & Routed<Kwargs>>,
    extraKwargs,
    innerRoutes: routesOf(application),
  }
}
