import type { Application } from '../asgi/application.ts'
import { carryOriginCheck } from '../asgi/origin-check.ts'
import type { HttpScope, WebSocketScope } from '../asgi/scope.ts'

/** The scopes that a client is behind: the ones that have headers, and so cookies, a session and a user. */
export type ClientScope = HttpScope | WebSocketScope

/**
 * The scope that a middleware needs, given the scope `S` that its inner application needs and the properties `Added` that
 * the middleware puts in. What else the inner application needs, such as `urlRoute`, is still needed. So is a property
 * that is added with a type that does not satisfy the inner application.
 */
export type OuterScope<S extends ClientScope, Added> = S extends HttpScope
  ? HttpScope & StillNeeded<S, HttpScope & Added>
  : S extends WebSocketScope
    ? WebSocketScope & StillNeeded<S, WebSocketScope & Added>
    : never

type StillNeeded<S, Given> = {
  [K in keyof S as K extends keyof Given ? (Given[K] extends S[K] ? never : K) : K]: S[K]
}

/**
 * Types a middleware once for all: `wrap` is given the inner application as one of any client scope with `Added` in it, and
 * makes one of a client scope that should have `Needed` in it, which it checks, for plain JavaScript has no types. The mark of an
 * origin check is passed on.
 */
export function defineMiddleware<S extends Base, Added, Needed = unknown, Base extends ClientScope = ClientScope>(
  inner: Application<S>,
  wrap: (inner: Application<Base & Added>) => Application<Base & Partial<Added & Needed>>,
): Application<OuterScope<S, Added> & Needed> {
  // The compiler cannot follow OuterScope<S, …> while S is open; that it is right is what the type tests hold.
  const application = wrap(inner as unknown as Application<Base & Added>)
  return carryOriginCheck(inner, application as unknown as Application<OuterScope<S, Added> & Needed>)
}
