import { randomBytes } from 'node:crypto'

import session from 'express-session'
import type { RequestHandler } from 'express'
import { storeSessions, type User, type Users } from 'tideway'
import type { SessionIdentity, Sessions } from 'tideway/auth'

declare module 'express-session' {
  interface SessionData {
    visitorName: string
  }
}

const MAX_NAME_LENGTH = 32
/** Control characters, and those that turn the direction of what stands after them. */
const UNSEEMLY = /[\p{Cc}\p{Cs}\p{Bidi_Control}\p{Zl}\p{Zp}]/u

// One store and one secret for both sides: a name given to Express is known to the WebSockets. In more than one process
// this is the place for a shared store, such as connect-redis, and SESSION_SECRET has to be set.
const store = new session.MemoryStore()
const secret = process.env.SESSION_SECRET ?? randomBytes(32).toString('base64url')

/** The session of an HTTP request. */
export const expressSession: RequestHandler = session({
  store,
  secret,
  resave: false,
  saveUninitialized: false,
  cookie: { httpOnly: true, sameSite: 'lax' },
})

/** The same sessions, for WebSockets. */
export const sessions: Sessions = storeSessions({ store, secret })

/** Where a session says who the visitor is. */
export const identity: SessionIdentity = {
  keepsHash: false,
  read(session) {
    const name = session.get('visitorName')
    return typeof name === 'string' ? { id: name, hash: undefined } : undefined
  },
  write(session, { id }) {
    session.set('visitorName', id)
  },
}

/** There are no accounts here: whoever has a name in the session is the user of that name. */
export const users: Users = {
  findById: (id): User => ({ id, username: String(id), isAuthenticated: true }),
}

/** A name as the chat takes it, or what is wrong with it. `""` is a guest's. */
export function checkedName(given: unknown): { name: string; problem?: string } {
  const name = typeof given === 'string' ? given.trim().replaceAll(/\s+/g, ' ') : ''
  if (typeof given !== 'string') return { name, problem: 'A name is a text.' }
  if (name.length > MAX_NAME_LENGTH) return { name, problem: `A name has at most ${MAX_NAME_LENGTH} characters.` }
  if (UNSEEMLY.test(name)) return { name, problem: 'This name has characters that cannot be seen.' }
  if (name.toLowerCase() === 'guest') return { name, problem: '“guest” is what people without a name are called.' }
  return { name }
}
