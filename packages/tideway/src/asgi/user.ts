/** Who is at the other end. An anonymous visitor is a user too: {@link anonymousUser}. */
export interface User {
  /** The key of the user in the application's own store; `undefined` for an anonymous visitor. */
  readonly id: string | number | undefined
  /** `""` for an anonymous visitor. */
  readonly username: string
  readonly isAuthenticated: boolean
}

/** What `authMiddleware` adds to the scope, and what a consumer expects there unless it says otherwise. */
export interface Authenticated {
  readonly user: User
}

/** A visitor that nobody has logged in. */
export interface AnonymousUser extends User {
  readonly id: undefined
  readonly username: ''
  readonly isAuthenticated: false
}

/** The user of a connection that nobody has logged in on. */
export const anonymousUser: AnonymousUser = Object.freeze({ id: undefined, username: '', isAuthenticated: false })
