/** The user of a connection. An anonymous visitor is a user too: {@link anonymousUser}. */
export interface User {
  /** The key of the user in the application's own store; `undefined` for an anonymous visitor. */
  readonly id: string | number | undefined
  /** `""` for an anonymous visitor. */
  readonly username: string
  readonly isAuthenticated: boolean
}

/**
 * The properties that `authMiddleware` adds to the scope. The compiler prints this name if an application needs a user and no
 * middleware adds one, so the name is the solution: wrap the application in `authMiddlewareStack`.
 */
export interface UserOfAuthMiddlewareStack {
  readonly user: User
}

/** A scope with a user: the default of a consumer's type arguments. */
export type Authenticated = UserOfAuthMiddlewareStack

/** A visitor who is not logged in. */
export interface AnonymousUser extends User {
  readonly id: undefined
  readonly username: ''
  readonly isAuthenticated: false
}

/** The user of a connection without a login. */
export const anonymousUser: AnonymousUser = Object.freeze({ id: undefined, username: '', isAuthenticated: false })
