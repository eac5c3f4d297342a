import type { Session } from './session.ts'

/** Who a session says that its visitor is. */
export interface SessionUser {
  readonly id: string | number
  /** What `users.sessionHash` gave at login, if the format keeps it. */
  readonly hash: string | undefined
}

/** How a session says who is logged in. */
export interface SessionIdentity {
  /** Whether the hash of `users.sessionHash` is kept, and so is to be checked. */
  readonly keepsHash: boolean
  /** Who is logged in. What is there may have been written by another program: anything else than an identity is nobody. */
  read(session: Session): SessionUser | undefined
  /** Writes who has logged in. */
  write(session: Session, identity: SessionUser): void
}

const USER_ID = '_auth_user_id'
const USER_HASH = '_auth_user_hash'

/** tideway's own format, under the names that Django uses: the id of the user and the session hash. */
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

/** passport's format: what `serializeUser` gave, under `passport.user`, where that is an id. It keeps no hash. */
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
