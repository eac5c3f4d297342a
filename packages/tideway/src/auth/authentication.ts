import { authenticationKey } from '../asgi/scope-slots.ts'
import { anonymousUser, type AnonymousUser, type User } from '../asgi/user.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { equalInConstantTime } from '../errors/constant-time.ts'
import type { Session } from './session.ts'
import { sessionIdentity, type SessionIdentity } from './session-identity.ts'
import type { UserStore } from './user-store.ts'

/** The options of `authMiddleware` that `login` and `getUser` need. */
export interface Authentication {
  readonly users: UserStore | undefined
  readonly identity: SessionIdentity
}

/** A scope that may have passed `authMiddleware`. */
export interface WithAuthentication {
  readonly [authenticationKey]?: Authentication
}

const noAuthentication: Authentication = { users: undefined, identity: sessionIdentity }

/** Returns the options of the `authMiddleware` of this scope. Without one, no user is ever found. */
export function authenticationOf(scope: WithAuthentication): Authentication {
  return scope[authenticationKey] ?? noAuthentication
}

/**
 * Returns the user of the session, or `anonymousUser`. Flushes the session if its hash is not the user's (the password was changed).
 * Returns no promise if the session has no login.
 */
export function userOfSession(
  session: Session,
  { users, identity }: Authentication,
): User | AnonymousUser | Promise<User | AnonymousUser> {
  const claimed = identity.read(session)
  if (claimed === undefined || users === undefined) return anonymousUser
  return findUser(session, users, claimed.id, identity.keepsHash ? claimed.hash : null)
}

async function findUser(
  session: Session,
  users: UserStore,
  id: string | number,
  claimedHash: string | undefined | null,
): Promise<User | AnonymousUser> {
  const user = await users.findById(id)
  if (user === undefined || user === null) return anonymousUser
  if (claimedHash === null || users.sessionHash === undefined) return user
  if (claimedHash !== undefined && equalInConstantTime(users.sessionHash(user), claimedHash)) return user
  await flushIfWritable(session)
  return anonymousUser
}

/** Flushes the session, unless the backend can only read it: then its user is anonymous, and the session stays. */
async function flushIfWritable(session: Session): Promise<void> {
  try {
    await session.flush()
  } catch (error) {
    if (!(error instanceof TidewayError && error.code === 'ERR_READ_ONLY_SESSION')) throw error
  }
}
