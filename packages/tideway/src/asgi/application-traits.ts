import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Application } from './application.ts'
import type { HttpScope, WebSocketScope } from './scope.ts'

/** Facts about an application that the server and the routers read without a call of it. */
export interface ApplicationTraits {
  /** Whether every WebSocket handshake passes a check of its `Origin`. Without one the server warns. @default false */
  readonly checksOrigin?: boolean | undefined
  /** Whether a page of the origin of this handshake may connect. Only an origin validator has it. */
  readonly allowsOrigin?: ((scope: WebSocketScope) => boolean) | undefined
  /** The Node listener that the application wraps. The server calls it directly, without the events of the contract. */
  readonly nodeListener?: ((request: IncomingMessage, response: ServerResponse) => unknown) | undefined
  /** Whether the application answers this request itself, and not its {@link nodeListener}. @default none of them */
  readonly answersItself?: ((scope: HttpScope) => boolean) | undefined
  /** The routes of a `urlRouter`. An outer router matches them itself. */
  readonly routes?: readonly object[] | undefined
  /** The applications that it calls, for tools that read the structure of an application. A router has `routes` instead. */
  readonly inner?: readonly object[] | undefined
  /** The live consumer that it runs. */
  readonly liveConsumer?: LiveConsumerTrait | undefined
}

/** The WebSocket application of a live consumer, for its answers over HTTP. */
export interface LiveTarget {
  readonly websocket: Application<WebSocketScope>
  /** Whether a page of the origin of this request may connect. `undefined` if the application has no origin validator. */
  readonly allowsOrigin: ((scope: WebSocketScope) => boolean) | undefined
}

/** A live consumer, for tools that read its groups and requests, and for its HTTP transports. */
export interface LiveConsumerTrait {
  /** Its class. */
  readonly type: object
  /** Makes an instance without a connection. Throws if the constructor needs one. */
  readonly create: () => object
  /** Answers an HTTP request to its path. `undefined` if the class has no HTTP transports. */
  readonly overHttp: ((target: LiveTarget) => Application<HttpScope>) | undefined
}

/** Keyed by the function itself: a copy or a proxy of an application has no traits, so a call of it is never skipped. */
const traits = new WeakMap<object, ApplicationTraits>()
const noTraits: ApplicationTraits = Object.freeze({})

/** The traits of the application. An application without any has an empty object. */
export function traitsOf(application: object): ApplicationTraits {
  return traits.get(application) ?? noTraits
}

/** Adds traits to the application. Returns the same function. */
export function setTraits<A extends object>(application: A, added: ApplicationTraits): A {
  traits.set(application, { ...traits.get(application), ...added })
  return application
}

/**
 * Gives a wrapper the traits of its inner application that are still true: the check of origins. Its Node listener and its
 * routes are not passed on, because the wrapper has to be called. Every middleware returns its application through this.
 * Tools find the inner application in the trait `inner`.
 * @returns `outer`
 * @example return wrapApplication(inner, async (scope, receive, send) => inner({ ...scope, tenant }, receive, send))
 */
export function wrapApplication<A extends object>(inner: object, outer: A): A {
  return setTraits(outer, { inner: [inner], ...(traitsOf(inner).checksOrigin === true && { checksOrigin: true }) })
}
