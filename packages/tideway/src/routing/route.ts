import type { Application } from '../asgi/application.ts'
import type { Routed } from '../asgi/url-route.ts'
import type { PathKwargs, RegExpKwargs } from './kwargs-of.ts'
import { pathPattern } from './path-pattern.ts'
import type { Pattern } from './pattern.ts'
import { regExpPattern } from './regexp-pattern.ts'
import { requireApplication } from './require-application.ts'
import type { Fits, MissingKwargs, Overridden, RoutableScope, WithoutUrlRoute } from './required-scope.ts'

/**
 * A pattern and the application behind it, for `urlRouter`. `S` is the scope that it needs from the router, and `Kwargs`
 * are those that its application asks for and its own pattern does not give: an outer router has to.
 */
export interface Route<S extends RoutableScope = never, Kwargs extends object = never> {
  readonly pattern: Pattern
  readonly application: Application<S & Routed<Kwargs>>
  readonly extraKwargs: object
  /** The routes of the application, when it is a `urlRouter` that no middleware hides: they are tried in place. */
  readonly innerRoutes: readonly Route[] | undefined
  /**
   * Whether the path may go on behind the match. Such a route is not final: an inner router without a match falls
   * through to the next one.
   */
  readonly isPrefix: boolean
  /** How it was written, for messages. */
  readonly description: string
}

/** The routes behind each `urlRouter`. Middleware around one has no entry. */
export const routesOf: WeakMap<object, readonly Route[]> = new WeakMap<object, readonly Route[]>()

/** What a route asks of its router when its pattern and extra kwargs give these. */
type RouteTo<S extends RoutableScope, Captured, Extra> = Route<
  WithoutUrlRoute<S>,
  MissingKwargs<S, Overridden<Captured, Extra>>
>

/** The application of a route, if the kwargs have the types that it asks for. */
type Target<S extends RoutableScope, Captured, Extra> = Application<S> & Fits<S, Overridden<Captured, Extra>>

/**
 * A route to the application for paths that match the pattern to their end: `:name` is one segment, and `<int:name>`,
 * `<str:name>`, `<slug:name>`, `<uuid:name>` and `<path:name>` are Django's. `extraKwargs` join the kwargs and win over
 * them. With a `urlRouter` as the application it is a {@link mount}. Throws `ERR_BAD_ROUTE` on a malformed pattern.
 */
export function path<const P extends string, S extends RoutableScope, X extends object = object>(
  pattern: P,
  application: Target<S, PathKwargs<P>, X>,
  extraKwargs?: X,
): RouteTo<S, PathKwargs<P>, X> {
  const isPrefix = routesOf.has(application)
  return route({
    pattern: pathPattern(pattern, isPrefix ? 'prefix' : 'whole'),
    application,
    extraKwargs,
    isPrefix,
    description: `path(${JSON.stringify(pattern)})`,
  })
}

/**
 * A route to the application for paths that begin with the pattern: what is left of the path is in
 * `scope.pathRemaining`, and a `urlRouter` in the application goes on from there, however much middleware is around it.
 * Patterns and kwargs are those of {@link path}; a match ends where a segment does.
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
 * A route to the application for paths in which the regular expression, or its source, is found, as with Django's
 * `re_path`: paths come without their leading slash; anchor with `^` and `$`. Named groups are kwargs; only where there
 * are none, unnamed groups are args. Throws `ERR_BAD_ROUTE` on one that is malformed or can never match.
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
    isPrefix: routesOf.has(application) || !compiled.readsToEnd,
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
  const { application, extraKwargs = {}, description } = parts
  requireApplication(application, description)
  return {
    ...parts,
    // The type parameters say what the router has to put into the scope, which is where the types are checked.
    application: application as Application<S & Routed<Kwargs>>,
    extraKwargs,
    innerRoutes: routesOf.get(application),
  }
}
