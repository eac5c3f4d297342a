import type { User } from 'tideway'
import type { UserStore, SessionIdentity } from 'tideway/auth'

// A name is enough to log in: these examples show where a login belongs, not how to check a password.

/** The people, by their names. */
export const users: UserStore = {
  findById: (id): User | undefined => (isName(id) ? { id, username: id, isAuthenticated: true } : undefined),
}

/** The key of the logged-in user in the framework's session. */
export const identity: SessionIdentity = {
  keepsHash: false,
  read(session) {
    const id = session.get('person')
    return isName(id) ? { id, hash: undefined } : undefined
  },
  write: (session, { id }) => session.set('person', id),
}

/** Validates a name from outside. */
export function isName(value: unknown): value is string {
  return typeof value === 'string' && /^[a-z]{1,20}$/.test(value)
}
