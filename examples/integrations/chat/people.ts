import type { User } from 'tideway'
import type { UserStore, SessionIdentity } from 'tideway/auth'

// Who gives a name is that person: these examples show where a login goes, and not how to check a password.

/** The people, by their names. */
export const users: UserStore = {
  findById: (id): User | undefined => (isName(id) ? { id, username: id, isAuthenticated: true } : undefined),
}

/** Under which name the routes keep who is logged in, in the session of the framework. */
export const identity: SessionIdentity = {
  keepsHash: false,
  read(session) {
    const id = session.get('person')
    return isName(id) ? { id, hash: undefined } : undefined
  },
  write: (session, { id }) => session.set('person', id),
}

/** Whether it is a name that somebody may have; it came from outside. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z]{1,20}$/.test(value)
}
