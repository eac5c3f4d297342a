/**
 * The key under which an application says that a WebSocket handshake reaches it only after a check of its `Origin`. A
 * server that finds no such mark on a WebSocket application warns. Middleware passes the mark of its inner application
 * on with {@link carryOriginCheck}.
 */
export const originCheckKey: unique symbol = Symbol.for('tideway.originCheck')

/** What an application that checks origins carries. */
export interface WithOriginCheck {
  readonly [originCheckKey]: true
}

/** Whether the application, or one that it wraps, checks the origin of a handshake. */
export function checksOrigin(application: object): boolean {
  return originCheckKey in application && application[originCheckKey] === true
}

/** Marks an application as one that checks origins. Returns the same function. */
export function markOriginCheck<A extends object>(application: A): A & WithOriginCheck {
  return Object.assign(application, { [originCheckKey]: true } as const)
}

/** Gives a wrapper the mark of the application that it wraps. Returns the wrapper. */
export function carryOriginCheck<A extends object>(inner: object, wrapper: A): A {
  return checksOrigin(inner) ? markOriginCheck(wrapper) : wrapper
}
