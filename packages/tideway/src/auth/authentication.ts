import { authenticationKey } from '../asgi/scope-slots.ts'
import { anonymousUser, type AnonymousUser, type User } from '../asgi/user.ts'
import { TidewayError } from '../errors/tideway-error.ts'
import { equalInConstantTime } from './constant-time.ts'
import type { Session } from './session.ts'
import { sessionIdentity, type SessionIdentity } from './session-identity.ts'
import type { UserStore } from './user-store.ts'

/** How the users of a scope are found: what `login` and `getUser` need of the options of `authMiddleware`. */
export interface Authentication {
  readonly users: UserStore | undefined
  readonly identity: SessionIdentity
}

/** A scope that may have passed `authMiddleware`. */
export interface WithAuthentication {
  readonly [authenticationKey]?: Authentication
}

const noAuthentication: Authentication = { users: undefined, identity: sessionIdentity }

/** How the users of this scope are found; without `authMiddleware`, nobody is found. */
export function authenticationOf(scope: WithAuthentication): Authentication {
  return scope[authenticationKey] ?? noAuthentication
}

/**
 * The user that the session names. A session whose hash is not the user's (the password was changed) is flushed.
 * Returns without a promise for a session that names nobody.
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
  await flushIfOurs(session)
  return anonymousUser
}

/** A session that is only read here is not ours to end; that it names nobody is enough. */
async function flushIfOurs(session: Session): Promise<void> {
  try {
    await session.flush()
  } catch (error) {
    if (!(error instanceof TidewayError && error.code === 'ERR_READ_ONLY_SESSION')) throw error
  }
}
