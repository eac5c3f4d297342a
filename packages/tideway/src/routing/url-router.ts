import type { Application } from '../asgi/application.ts'
import { NoRouteError } from '../asgi/no-route-error.ts'
import { checksOrigin, markOriginCheck } from '../asgi/origin-check.ts'
import type { Routed, UrlRoute } from '../asgi/url-route.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import type { Flat } from './kwargs-of.ts'
import type { Reading } from './pattern.ts'
import { refuseUnreachable } from './unreachable-route.ts'
import type { RoutableScope, WithKwargs } from './required-scope.ts'
import { routesOf, type Route } from './route.ts'
import { suggestRoute } from './suggest-route.ts'

/** The scope that satisfies every one of the routes (a union of them): of the plain scope plus what they need. */
export type ScopeFor<R> = [R] extends [never]
  ? RoutableScope
  : Extract<WithKwargs<AllScopes<R>, AllKwargs<R>>, RoutableScope>

// A union in the position of a parameter is inferred as an intersection.
type AllScopes<R> = (R extends Route<infer S> ? (scope: S) => void : never) extends (scope: infer All) => void
  ? All
  : never
type AllKwargs<R> = (R extends Route<never, infer K> ? (kwargs: K) => void : never) extends (kwargs: infer All) => void
  ? Flat<All>
  : never

/**
 * Calls the application of the first route that matches the path, with `urlRoute` (args and kwargs, outer routers' and
 * extra ones included) and `pathRemaining` in a copy of the scope. The outermost router leaves out `rootPath`; each
 * leaves out leading slashes. No match rejects with {@link NoRouteError}; that of an inner router makes the outer one go
 * on with its next route. Throws `ERR_BAD_ROUTE` when an earlier route certainly takes every path of a later one.
 */
export function urlRouter<R extends Route>(routes: readonly R[]): Application<ScopeFor<R>> {
  const kept: readonly Route[] = [...routes]
  refuseUnreachable(kept)
  const areFinal = kept.every(({ isPrefix }) => !isPrefix)
  const router: Application<RoutableScope & Partial<Routed<object>>> = (scope, receive, send) => {
    const path = pathToMatch(scope)
    if (path instanceof TidewayError) return Promise.reject(path)
    if (areFinal) {
      const way = firstWay(path, kept, scope.urlRoute ?? nothingRead)
      if (way === undefined) return Promise.reject(noMatch(scope, path, kept))
      const { route, urlRoute, pathRemaining } = way
      const application = route.application as Application<RoutableScope & Routed<object>>
      return application({ ...scope, urlRoute, pathRemaining }, receive, send)
    }
    const ways = waysFrom(path, kept, scope.urlRoute ?? nothingRead)
    const takeNext = (): Promise<void> => {
      const way = ways.next().value
      if (way === undefined) return Promise.reject(noMatch(scope, path, kept))
      const { route, urlRoute, pathRemaining } = way
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
  routesOf.set(router, kept)
  if (kept.every(({ application }) => checksOrigin(application))) markOriginCheck(router)
  return router
}

/** One route that matches, and what was read from the path on the way to it. */
interface Way {
  readonly route: Route
  readonly urlRoute: UrlRoute<object>
  readonly pathRemaining: string
}

const nothingRead: UrlRoute<object> = { args: Object.freeze([]), kwargs: Object.freeze({}) }

/** The ways that the path can go, in order. Routers without middleware around them are gone through in place. */
function* waysFrom(path: string, routes: readonly Route[], outer: UrlRoute<object>): Generator<Way, undefined> {
  for (const route of routes) {
    const found = route.pattern.match(path)
    if (found === undefined) continue
    const urlRoute = joined(outer, found, route)
    if (route.innerRoutes === undefined) yield { route, urlRoute, pathRemaining: found.rest }
    else yield* waysFrom(withoutLeadingSlashes(found.rest), route.innerRoutes, urlRoute)
  }
  return undefined
}

/** The way that the path goes where each route is final, without the generator that would go on behind it. */
function firstWay(path: string, routes: readonly Route[], outer: UrlRoute<object>): Way | undefined {
  for (const route of routes) {
    const found = route.pattern.match(path)
    if (found !== undefined) return { route, urlRoute: joined(outer, found, route), pathRemaining: found.rest }
  }
  return undefined
}

/** What outer routers have read, what was read here, and what the route says itself; of two of a name the later. */
function joined(outer: UrlRoute<object>, found: Reading, { extraKwargs }: Route): UrlRoute<object> {
  return {
    args: found.args.length === 0 ? outer.args : [...outer.args, ...found.args],
    kwargs: { ...outer.kwargs, ...found.kwargs, ...extraKwargs },
  }
}

/** The path that the routes of this router are matched against, or why there is none. */
function pathToMatch(scope: RoutableScope): string | TidewayError {
  if (scope.pathRemaining !== undefined) return withoutLeadingSlashes(scope.pathRemaining)
  const { path, rootPath } = scope
  // Only JavaScript, or a cast, gets a scope without a path here.
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

/** What follows the root, or `undefined`: `/apis` is not under `/api`. */
function withoutRoot(path: string, rootPath: string): string | undefined {
  if (rootPath === '') return path
  const root = rootPath.replace(/\/+$/, '')
  if (!path.startsWith(root)) return undefined
  const rest = path.slice(root.length)
  return root === '' || rest === '' || rest.startsWith('/') ? rest : undefined
}

function withoutLeadingSlashes(path: string): string {
  let start = 0
  while (path[start] === '/') start += 1
  return path.slice(start)
}

/** The no-match errors of inner routers, with the `urlRoute` that their outer router had put into the scope. */
const noMatches = new WeakMap<NoRouteError, UrlRoute<object>>()

function noMatch(scope: RoutableScope & Partial<Routed<object>>, path: string, routes: readonly Route[]): NoRouteError {
  if (scope.urlRoute === undefined) {
    const root = scope.path.slice(0, scope.path.length - path.length)
    const matches = (other: string): boolean => waysFrom(other, routes, nothingRead).next().done === false
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
 * Whether the error says that the router behind this very match found no route: the `urlRoute` is new for each, so it is
 * neither another connection's nor one that an application, once chosen, ran into or threw itself.
 */
function isNoMatchBehind(urlRoute: UrlRoute<object>, error: unknown): boolean {
  return error instanceof NoRouteError && noMatches.get(error) === urlRoute
}
