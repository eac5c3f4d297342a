import type { Address, HttpScope, WebSocketScope } from '../asgi/scope.ts'
import type { AnonymousUser } from '../asgi/user.ts'
import type { CommunicatorOptions } from './communicator-options.ts'
import type { HeadersInit } from '../asgi/headers.ts'

/** What every communicator for a connection takes. */
export interface ConnectionOptions extends CommunicatorOptions {
  /** Headers of the request, in any case. `Host` is taken from the URL unless it is here. @default none */
  readonly headers?: HeadersInit | undefined
  /** The other end of the connection. @default 127.0.0.1, port 50000 */
  readonly client?: Address | undefined
}

/** What a communicator puts into the scope by itself. */
type GivenScope = (HttpScope | WebSocketScope) & { readonly user: AnonymousUser }

/** Properties that the request itself decides. */
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

/** What the application requires in its scope and nobody gives but the test: what middleware would have put there. */
type NeededKey<S> = {
  [K in keyof S]-?: {} extends Pick<S, K> ? never : GivenScope extends Pick<S, K> ? never : K
}[keyof S & string]

/** The properties of S that are not those of every connection. */
type ExtraKey<S> = Exclude<keyof S, keyof HttpScope | keyof WebSocketScope>

/**
 * What a test may put into the scope of an application that asks for the scope `S`, and what it has to. Where the
 * application asks for nothing, it may be anything.
 */
export type ExtraScope<S> = Partial<Omit<S, RequestKey>> &
  Pick<S, Exclude<NeededKey<S>, RequestKey>> &
  // Also because that is how an S looks that is not inferred yet: the compiler puts off a first argument like
  // `ChatConsumer.asApplication()`, and wants the options to fit before it.
  ([ExtraKey<S>] extends [never] ? Readonly<Record<string, unknown>> : unknown)

/** The options of a communicator, with `scope` required where the application requires something in it. */
export type WithScope<Options, S> = Options &
  ({} extends ExtraScope<S> ? { readonly scope?: ExtraScope<S> } : { readonly scope: ExtraScope<S> })

/** The options as the last argument, which may be left out where nothing is required in them. */
export type OptionsArgument<Options> = {} extends Options ? [options?: Options] : [options: Options]
