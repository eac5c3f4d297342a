import type { Application } from './application.ts'

/**
 * The key under which an HTTP application that is really a Node `(request, response)` listener carries that listener.
 * A router passes on the property of its `http` application, so that the server can call the listener directly and a
 * request pays nothing for the contract that it does not use.
 */
export const nodeListenerKey: unique symbol = Symbol.for('tideway.nodeListener')

/** An application that may carry a Node listener for its HTTP requests. `Listener` is the server's own type. */
export type WithNodeListener<Listener> = Application & { readonly [nodeListenerKey]?: Listener }
