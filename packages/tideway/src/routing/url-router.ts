import type { Application } from '../asgi/application.ts'
import { hiddenField } from '../errors/hidden-field.ts'
import { NoRouteError } from '../asgi/no-route-error.ts'
import { setTraits, traitsOf } from '../asgi/application-traits.ts'
import type { Routed, UrlRoute } from '../asgi/url-route.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { Simplify } from './kwargs-of.ts'
import type { PatternMatch } from './pattern.ts'
import { refuseUnreachable } from './unreachable-route.ts'
import type { RoutableScope, WithKwargs } from './required-scope.ts'
import { noKwargs, type Route } from './route.ts'
import { suggestRoute } from './suggest-route.ts'

/** The scope that all of the routes (a union) need: the plain scope, and what they need in addition. */
export type ScopeFor<R> = [R] extends [never]
  ? RoutableScope
  : Extract<WithKwargs<AllScopes<R>, AllKwargs<R>>, RoutableScope>

// TypeScript infers a union in parameter position as an intersection.
type AllScopes<R> = (R extends Route<infer S> ? (scope: S) => void : never) extends (scope: infer All) => void
  ? All
  : never
type AllKwargs<R> = (R extends Route<never, infer K> ? (kwargs: K) => void : never) extends (kwargs: infer All) => void
  ? Simplify<All>
  : never

/**
 * Returns an application that calls the application of the first route that matches the path. The copy of the scope has
 * `urlRoute` (args and kwargs, those of outer routers and extra ones included) and `pathRemaining`. The outermost router removes
 * `rootPath`, and every router removes leading slashes. Without a match the router rejects with {@link NoRouteError}; if it is an
 * inner router, the outer one continues with its next route. Throws `ERR_BAD_ROUTE` if an earlier route matches all paths of a later one.
 */
export function urlRouter<R extends Route>(routes: readonly R[]): Application<ScopeFor<R>> {
  const kept: readonly Route[] = [...routes]
  refuseUnreachable(kept)
  const areFinal = kept.every(({ isPrefix }) => !isPrefix)
  const router: Application<RoutableScope & Partial<Routed<object>>> = function urlRouter(scope, receive, send) {
    const path = pathToMatch(scope)
    if (path instanceof TidewayError) return Promise.reject(path)
    if (areFinal) {
      const match = firstMatch(path, kept, scope.urlRoute ?? emptyRoute)
      if (match === undefined) return Promise.reject(noMatch(scope, path, kept))
      const { route, urlRoute, pathRemaining } = match
      const application = route.application as Application<RoutableScope & Routed<object>>
      return application({ ...scope, urlRoute, pathRemaining }, receive, send)
    }
    const matches = matchesOf(path, kept, scope.urlRoute ?? emptyRoute)
    const takeNext = (): Promise<void> => {
      const match = matches.next().value
      if (match === undefined) return Promise.reject(noMatch(scope, path, kept))
      const { route, urlRoute, pathRemaining } = match
      const application = route.application as Application<RoutableScope & Routed<object>>
      const ended = application({ ...scope, urlRoute, pathRemaining }, receive, send)
      if (!route.isPrefix) return ended
      return ended.catch((error: unknown) => {
        if (!isNoMatchBehind(urlRoute, error)) throw error
        return takeNext()
      })
    }
    return takeNext()
  }
  return setTraits(router, {
    routes: kept,
    checksOrigin: kept.every(({ application }) => traitsOf(application).checksOrigin === true),
  })
}

/** A route that matches, and the values of the path up to it. */
interface Match {
  readonly route: Route
  readonly urlRoute: UrlRoute<object>
  readonly pathRemaining: string
}

const emptyRoute: UrlRoute<object> = { args: Object.freeze([]), kwargs: noKwargs }

/** The matches of the path, in order. Inner routers without middleware around them are matched here. */
function* matchesOf(path: string, routes: readonly Route[], outer: UrlRoute<object>): Generator<Match, undefined> {
  for (const route of routes) {
    const found = route.pattern.match(path)
    if (found === undefined) continue
    const urlRoute = joined(outer, found, route)
    if (route.innerRoutes === undefined) yield { route, urlRoute, pathRemaining: found.rest }
    else yield* matchesOf(withoutLeadingSlashes(found.rest), route.innerRoutes, urlRoute)
  }
  return undefined
}

/** The first match if every route is final. It needs no generator, because no other match is tried after it. */
function firstMatch(path: string, routes: readonly Route[], outer: UrlRoute<object>): Match | undefined {
  for (const route of routes) {
    const found = route.pattern.match(path)
    if (found !== undefined) return { route, urlRoute: joined(outer, found, route), pathRemaining: found.rest }
  }
  return undefined
}

/** Joins the values of outer routers, of this match, and of the route itself. Later ones override earlier ones. */
function joined(outer: UrlRoute<object>, found: PatternMatch, { extraKwargs }: Route): UrlRoute<object> {
  const areFound = outer.kwargs === noKwargs && extraKwargs === noKwargs
  return {
    args: found.args.length === 0 ? outer.args : [...outer.args, ...found.args],
    // Most routes have no other kwargs, and a match belongs to one connection.
    kwargs: areFound ? found.kwargs : { ...outer.kwargs, ...found.kwargs, ...extraKwargs },
  }
}

/** The path for the routes of a router, or the error if there is none. */
export function pathToMatch(scope: RoutableScope): string | TidewayError {
  if (scope.pathRemaining !== undefined) return withoutLeadingSlashes(scope.pathRemaining)
  const { path, rootPath } = scope
  // Only JavaScript code, or a cast, can pass a scope without a path.
  if ((path as string | undefined) === undefined) {
    return new TidewayError(
      'ERR_NO_APPLICATION',
      `urlRouter was called with the scope type ${JSON.stringify(scope.type)}, which has no path: ` +
        'give the router to protocolTypeRouter, as its "http" or "websocket".',
    )
  }
  const underRoot = withoutRoot(path, rootPath)
  if (underRoot !== undefined) return withoutLeadingSlashes(underRoot)
  return new NoRouteError(
    path,
    `The path ${JSON.stringify(path)} is not under the rootPath ${JSON.stringify(rootPath)} of the server.`,
  )
}

/** The path after the root, or `undefined` if it is not under it: `/apis` is not under `/api`. */
function withoutRoot(path: string, rootPath: string): string | undefined {
  if (rootPath === '') return path
  const root = rootPath.replace(/\/+$/, '')
  if (!path.startsWith(root)) return undefined
  const rest = path.slice(root.length)
  return root === '' || rest === '' || rest.startsWith('/') ? rest : undefined
}

/** Every router removes leading slashes. */
export function withoutLeadingSlashes(path: string): string {
  let start = 0
  while (path[start] === '/') start += 1
  return path.slice(start)
}

/** The errors of inner routers without a match, with the `urlRoute` of their scope. */
const noMatches = hiddenField<NoRouteError, UrlRoute<object>>()

function noMatch(scope: RoutableScope & Partial<Routed<object>>, path: string, routes: readonly Route[]): NoRouteError {
  if (scope.urlRoute === undefined) {
    const root = scope.path.slice(0, scope.path.length - path.length)
    const matches = (other: string): boolean => matchesOf(other, routes, emptyRoute).next().done === false
    return new NoRouteError(scope.path, undefined, () => suggestRoute(root, path, routes, matches))
  }
  const error = new NoRouteError(
    path,
    `No route of an inner urlRouter matches ${JSON.stringify(path)}, the rest of the path ${JSON.stringify(scope.path)}.`,
  )
  noMatches.set(error, scope.urlRoute)
  return error
}

/**
 * Whether the error comes from the router of this match. Each match has its own `urlRoute`, so the error is not from
 * another connection, and not one that the called application threw or passed on.
 */
function isNoMatchBehind(urlRoute: UrlRoute<object>, error: unknown): boolean {
  return error instanceof NoRouteError && noMatches.get(error) === urlRoute
}
