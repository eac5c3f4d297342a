import type { AnonymousUser, User } from '../asgi/user.ts'
import { InvalidTokenError } from './token.ts'

/** Finds users: the port of `authMiddleware`. Throw a `ServiceUnavailableError` if the database does not answer. */
export interface UserStore<U extends User = User> {
  /** Returns the user with this id, or `undefined` or `null` if it does not exist. The id comes from a session or a token. */
  findById(id: string | number): U | null | undefined | Promise<U | null | undefined>
  /**
   * Returns a hash that changes with the user's password: an HMAC of the stored password hash under a secret. With it, a changed
   * password ends all other sessions of the user.
   */
  sessionHash?(user: U): string
}

/** What `authMiddleware` adds to the scope. */
export interface WithUser<U extends User = User> {
  readonly user: U | AnonymousUser
}

/** Resolves with the user of a token. Rejects with an `InvalidTokenError` if the user does not exist. */
export async function findTokenUser<U extends User>(users: UserStore<U>, id: string | number): Promise<U> {
  const user = await users.findById(id)
  if (user === undefined || user === null) {
    throw new InvalidTokenError({ cause: new TypeError('The token names a user that does not exist.') })
  }
  return user
}
