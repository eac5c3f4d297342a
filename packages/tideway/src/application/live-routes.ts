import type { Application } from '../asgi/application.ts'
import { traitsOf } from '../asgi/application-traits.ts'
import type { HttpScope, WebSocketScope } from '../asgi/scope.ts'
import { routesOf } from '../routing/route.ts'
import { pathToMatch, withoutLeadingSlashes } from '../routing/url-router.ts'

/** An application that the path of a request leads to, and the conditions for its origin on the way. */
interface Target {
  readonly application: object
  readonly checks: readonly ((scope: WebSocketScope) => boolean)[]
  /** Whether a route leads to it. */
  readonly isRouted: boolean
}

/**
 * Answers HTTP requests to the paths of the live consumers of a WebSocket application. Does not find a consumer behind middleware
 * that does not use `wrapApplication`.
 */
export class LiveRoutes {
  readonly #websocket: Application<WebSocketScope>
  readonly #hasHttp: boolean

  private constructor(websocket: Application<WebSocketScope>, hasHttp: boolean) {
    this.#websocket = websocket
    this.#hasHttp = hasHttp
  }

  /**
   * Returns `undefined` if the application has no live consumer with HTTP transports.
   * @param hasHttp whether there is an HTTP application: then a live consumer needs a route, because it would get all requests
   */
  static of(websocket: Application<WebSocketScope> | undefined, hasHttp: boolean): LiveRoutes | undefined {
    return websocket !== undefined && hasLive(websocket) ? new LiveRoutes(websocket, hasHttp) : undefined
  }

  /** The application for the request; `undefined` for a request to another path. */
  applicationFor(scope: HttpScope): Application<HttpScope> | undefined {
    if (!isLiveMethod(scope)) return undefined
    const path = pathToMatch(scope)
    if (typeof path !== 'string') return undefined
    const target = targetOf({ application: this.#websocket, checks: [], isRouted: false }, path)
    if (target === undefined || (this.#hasHttp && !target.isRouted)) return undefined
    const { checks } = target
    return traitsOf(target.application).liveConsumer?.overHttp?.({
      websocket: this.#websocket,
      allowsOrigin: checks.length === 0 ? undefined : (handshake) => checks.every((isAllowed) => isAllowed(handshake)),
    })
  }
}

/** Only these requests pay for the search. */
function isLiveMethod({ method, headers }: HttpScope): boolean {
  return method === 'POST' || (method === 'OPTIONS' && headers.get('access-control-request-method') === 'POST')
}

function hasLive(application: object): boolean {
  const { liveConsumer, inner = [] } = traitsOf(application)
  if (liveConsumer !== undefined) return liveConsumer.overHttp !== undefined
  return inner.some(hasLive) || (routesOf(application) ?? []).some((route) => hasLive(route.application))
}

/** Follows the routes as `urlRouter` does. Returns `undefined` if no route matches. */
function targetOf({ application, checks, isRouted }: Target, path: string): Target | undefined {
  const { allowsOrigin, inner = [] } = traitsOf(application)
  const next = { checks: allowsOrigin === undefined ? checks : [...checks, allowsOrigin], isRouted }
  const routes = routesOf(application)
  if (routes !== undefined) {
    for (const route of routes) {
      const found = route.pattern.match(withoutLeadingSlashes(path))
      if (found === undefined) continue
      const target = targetOf({ ...next, application: route.application, isRouted: true }, found.rest)
      if (target !== undefined || !route.isPrefix) return target
    }
    return undefined
  }
  if (inner.length === 0) return { ...next, application }
  for (const each of inner) {
    const target = targetOf({ ...next, application: each }, path)
    if (target !== undefined) return target
  }
  return undefined
}
