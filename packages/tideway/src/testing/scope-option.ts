import type { Address, HttpScope, WebSocketScope } from '../asgi/scope.ts'
import type { AnonymousUser } from '../asgi/user.ts'
import type { CommunicatorOptions } from './communicator-options.ts'
import type { HeadersInit } from '../asgi/headers.ts'

/** The options of every communicator for a connection. */
export interface ConnectionOptions extends CommunicatorOptions {
  /** The headers of the request, in any letter case. `Host` is that of the URL unless it is given here. @default none */
  readonly headers?: HeadersInit | undefined
  /** The address of the client. @default 127.0.0.1, port 50000 */
  readonly client?: Address | undefined
}

/** The properties that every communicator adds to the scope. */
type GivenScope = (HttpScope | WebSocketScope) & { readonly user: AnonymousUser }

/** The properties that the request decides. */
type RequestKey =
  | 'type'
  | 'path'
  | 'rawPath'
  | 'queryString'
  | 'headers'
  | 'client'
  | 'subprotocols'
  | 'method'
  | 'onEnd'

/** The required properties of the scope that the communicator does not add: those that middleware adds. */
type NeededKey<S> = {
  [K in keyof S]-?: {} extends Pick<S, K> ? never : GivenScope extends Pick<S, K> ? never : K
}[keyof S & string]

/** The properties of S that are not those of every connection. */
type ExtraKey<S> = Exclude<keyof S, keyof HttpScope | keyof WebSocketScope>

/**
 * The optional and the required properties that a test adds to the scope `S` of an application. If the application needs none, any
 * property is allowed.
 */
export type ExtraScope<S> = Partial<Omit<S, RequestKey>> &
  Pick<S, Exclude<NeededKey<S>, RequestKey>> &
  // This also matches an S that is not inferred yet: the compiler defers a first argument such as
  // `ChatConsumer.asApplication()`, and checks the options before it.
  ([ExtraKey<S>] extends [never] ? Readonly<Record<string, unknown>> : unknown)

/** The options of a communicator. `scope` is required if the application needs properties in it. */
export type WithScope<Options, S> = Options &
  ({} extends ExtraScope<S> ? { readonly scope?: ExtraScope<S> } : { readonly scope: ExtraScope<S> })

/** The options as the last argument, which is optional if none of them is required. */
export type OptionsArgument<Options> = {} extends Options ? [options?: Options] : [options: Options]
