import type { HttpScope, WebSocketScope } from '../asgi/scope.ts'
import type { Routed, UrlRoute } from '../asgi/url-route.ts'

/** The scopes with a path. */
export type RoutableScope = HttpScope | WebSocketScope

/**
 * The scope without `urlRoute`. Other members of an intersection keep their names, for readable error messages and for
 * middleware that looks for its own member. An interface that declares `urlRoute` itself becomes an `Omit`.
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

/** The kwargs that an application with this scope needs. */
type KwargsOf<S> = S extends { readonly urlRoute: UrlRoute<infer Kwargs> } ? Kwargs : object

/** The kwargs that are needed and not given: an outer router has to give them. */
export type MissingKwargs<S, Given> = MissingKeys<KwargsOf<S>, Given>

type MissingKeys<Asked, Given> = {
  [
    Name in keyof Asked as Name extends keyof Given ? (Given[Name] extends Asked[Name] ? never : Name) : Name
  ]: Asked[Name]
}

/** Kwargs in which the second type overrides the first. */
export type Overridden<Captured, Extra> = Omit<Captured, keyof Extra> & Extra

/** A compile error if the application needs a kwarg of the pattern with another type. */
export type KwargsMatch<S, Given> = string extends keyof Given
  ? unknown
  : { [Name in keyof Given & keyof KwargsOf<S>]: Given[Name] extends KwargsOf<S>[Name] ? never : Name } extends infer M
    ? [M[keyof M]] extends [never]
      ? unknown
      : { readonly 'asks for another type than the pattern gives': M[keyof M] }
    : never

/** The scope, with `urlRoute` if kwargs are still needed. */
export type WithKwargs<S, Kwargs extends object> = {} extends Kwargs ? S : S & Routed<Kwargs>
