/** The key under which `authMiddleware` leaves how users are found, for `login` and `getUser`. */
export const authenticationKey: unique symbol = Symbol.for('tideway.authentication')

/**
 * What this package's own middleware and routers add to a scope. The server makes each scope with all of these there and
 * `undefined`, so that `{ ...scope, user }` sets what is there and the copy keeps its shape. A copy that gains a property
 * costs ten times as much, and each connection then keeps a hidden class or a hash table of its own (Node 20, five copies
 * in a row: 1.1 against 18 µs; `Object.assign({}, scope, added)`: 4.5 µs and 1.2 kB more a connection).
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
