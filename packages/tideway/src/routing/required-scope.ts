import type { HttpScope, WebSocketScope } from '../asgi/scope.ts'
import type { Routed, UrlRoute } from '../asgi/url-route.ts'

/** The scopes that have a path. */
export type RoutableScope = HttpScope | WebSocketScope

/**
 * The scope without `urlRoute`. Taken out of an intersection, it leaves the other parts as they are, for whoever reads an
 * error message and for middleware that looks for its own part. An interface that declares it is taken apart.
 */
export type WithoutUrlRoute<S> = S extends unknown
  ? 'urlRoute' extends keyof S
    ? Others<S, Pick<S, 'urlRoute'>> extends infer Found extends RoutableScope
      ? 'urlRoute' extends keyof Found
        ? Extract<Omit<S, 'urlRoute'>, RoutableScope>
        : Found
      : never
    : S
  : never

type Others<S, Part> = S extends (infer Rest) & Part ? Rest : never

/** The kwargs that an application with this scope asks for. */
type KwargsOf<S> = S extends { readonly urlRoute: UrlRoute<infer Kwargs> } ? Kwargs : object

/** What is asked for of the kwargs and not given: an outer router has to give it. */
export type MissingKwargs<S, Given> = Missing<KwargsOf<S>, Given>

type Missing<Asked, Given> = {
  [
    Name in keyof Asked as Name extends keyof Given ? (Given[Name] extends Asked[Name] ? never : Name) : Name
  ]: Asked[Name]
}

/** The type of kwargs where the second wins over the first. */
export type Overridden<Captured, Extra> = Omit<Captured, keyof Extra> & Extra

/** A compile error where the application asks for a kwarg of the pattern as another type than the pattern gives. */
export type Fits<S, Given> = string extends keyof Given
  ? unknown
  : { [Name in keyof Given & keyof KwargsOf<S>]: Given[Name] extends KwargsOf<S>[Name] ? never : Name } extends infer M
    ? [M[keyof M]] extends [never]
      ? unknown
      : { readonly 'asks for another type than the pattern gives': M[keyof M] }
    : never

/** The scope, with `urlRoute` where kwargs are still asked for. */
export type WithKwargs<S, Kwargs extends object> = {} extends Kwargs ? S : S & Routed<Kwargs>
