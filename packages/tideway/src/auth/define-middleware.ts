import type { Application } from '../asgi/application.ts'
import { wrapApplication } from '../asgi/application-traits.ts'
import type { HttpScope, WebSocketScope } from '../asgi/scope.ts'

/** The scopes of clients: they have headers, and so can have cookies, a session and a user. */
export type ClientScope = HttpScope | WebSocketScope

/**
 * The scope that a middleware needs, computed from the scope `S` of its inner application and the properties `Added` that the
 * middleware adds. Other properties of the inner application, such as `urlRoute`, are still needed. So is a property that the
 * middleware adds with a type that does not fit the inner application.
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
 * Returns the scope that a middleware adds a property to: a copy, because other code has the scope too. Inside the middleware of a stack
 * it is the copy of the outer one, which no other code has.
 */
export function ownScope<S extends object>(scope: S, isCopy: boolean): { -readonly [K in keyof S]: S[K] } {
  return isCopy ? scope : { ...scope }
}

/**
 * Defines a typed middleware. `wrap` gets the inner application, which is called with `Added` in its scope, and returns the outer
 * application, whose scope has `Needed`. `wrap` has to check `Needed` itself, because JavaScript callers have no types, and returns
 * a named function, so that stack traces name the middleware. The result has the mark of an origin check if the inner application has it.
 */
export function defineMiddleware<S extends Base, Added, Needed = unknown, Base extends ClientScope = ClientScope>(
  inner: Application<S>,
  wrap: (inner: Application<Base & Added>) => Application<Base & Partial<Added & Needed>>,
): Application<OuterScope<S, Added> & Needed> {
  // The compiler cannot compute OuterScope<S, …> while S is a type parameter; the type tests check it.
  const application = wrap(inner as unknown as Application<Base & Added>)
  return wrapApplication(inner, application as unknown as Application<OuterScope<S, Added> & Needed>)
}
