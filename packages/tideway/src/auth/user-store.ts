import type { AnonymousUser, User } from '../asgi/user.ts'
import { InvalidTokenError } from './token.ts'

/** Where the users are: the port of `authMiddleware`. A database that does not answer should throw a `ServiceUnavailableError`. */
export interface UserStore<U extends User = User> {
  /** The user of this id, as it came out of the session; nothing if there is none any more. */
  findById(id: string | number): U | null | undefined | Promise<U | null | undefined>
  /**
   * A hash that changes when the user's password does, keyed with a secret: an HMAC of the stored password hash. Given
   * it, a changed password ends every other session of that user.
   */
  sessionHash?(user: U): string
}

/** What `authMiddleware` adds to the scope. */
export interface WithUser<U extends User = User> {
  readonly user: U | AnonymousUser
}

/** The user that a token is about. An `InvalidTokenError` if there is none any more. */
export async function findTokenUser<U extends User>(users: UserStore<U>, id: string | number): Promise<U> {
  const user = await users.findById(id)
  if (user === undefined || user === null) {
    throw new InvalidTokenError({ cause: new TypeError('There is no user of the id that the token names.') })
  }
  return user
}
