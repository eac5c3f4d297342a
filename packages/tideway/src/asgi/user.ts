/** Who is at the other end. An anonymous visitor is a user too: {@link anonymousUser}. */
export interface User {
  /** The key of the user in the application's own store; `undefined` for an anonymous visitor. */
  readonly id: string | number | undefined
  /** `""` for an anonymous visitor. */
  readonly username: string
  readonly isAuthenticated: boolean
}

/**
 * What `authMiddleware` adds to the scope. The compiler prints this name where an application needs a user and no middleware
 * adds one, so the name is the cure: wrap the application in `authMiddlewareStack`.
 */
export interface UserOfAuthMiddlewareStack {
  readonly user: User
}

/** A scope with a user: what a consumer expects unless its type arguments say otherwise. */
export type Authenticated = UserOfAuthMiddlewareStack

/** A visitor that nobody has logged in. */
export interface AnonymousUser extends User {
  readonly id: undefined
  readonly username: ''
  readonly isAuthenticated: false
}

/** The user of a connection that nobody has logged in on. */
export const anonymousUser: AnonymousUser = Object.freeze({ id: undefined, username: '', isAuthenticated: false })
