import type { Session } from './session.ts'

/** The user that a session names. The id is not checked yet: the user may not exist any more. */
export interface SessionUser {
  readonly id: string | number
  /** The result of `users.sessionHash` at login, if the format stores it. */
  readonly hash: string | undefined
}

/** A format of the login in a session. */
export interface SessionIdentity {
  /** Whether the format stores the hash of `users.sessionHash`. If it does, the hash is checked. */
  readonly keepsHash: boolean
  /** Returns the user that is logged in. Another program may have written the session: returns `undefined` for any other value. */
  read(session: Session): SessionUser | undefined
  /** Writes the user that has logged in. */
  write(session: Session, user: SessionUser): void
}

const USER_ID = '_auth_user_id'
const USER_HASH = '_auth_user_hash'

/** The format of tideway, with the names that Django uses: the id of the user and the session hash. */
export const sessionIdentity: SessionIdentity = {
  keepsHash: true,
  read(session) {
    const id = session.get(USER_ID)
    const hash = session.get(USER_HASH)
    return isId(id) ? { id, hash: typeof hash === 'string' ? hash : undefined } : undefined
  },
  write(session, { id, hash }) {
    session.set(USER_ID, id)
    if (hash === undefined) session.delete(USER_HASH)
    else session.set(USER_HASH, hash)
  },
}

/** The format of passport: the result of `serializeUser` as `passport.user`, if it is an id. It stores no hash. */
export const passportIdentity: SessionIdentity = {
  keepsHash: false,
  read(session) {
    const passport = session.get('passport')
    if (typeof passport !== 'object' || passport === null) return undefined
    const { user } = passport as { user?: unknown }
    return isId(user) ? { id: user, hash: undefined } : undefined
  },
  write(session, { id }) {
    session.set('passport', { user: id })
  },
}

function isId(value: unknown): value is string | number {
  return typeof value === 'number' || (typeof value === 'string' && value !== '')
}
