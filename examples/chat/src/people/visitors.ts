import { randomBytes } from 'node:crypto'

import session from 'express-session'
import type { RequestHandler } from 'express'
import { storeSessions, type User } from 'tideway'
import type { UserStore, SessionIdentity, SessionBackend } from 'tideway/auth'

import { settled } from '../database.ts'
import { accountById, isTaken } from './accounts.ts'
import { SqliteSessions } from './sqlite-sessions.ts'

declare module 'express-session' {
  interface SessionData {
    /** Set for a logged-in user. */
    accountId?: number
    /** Set for a guest with a name. */
    visitorName?: string
  }
}

const MONTH_MS = 30 * 24 * 60 * 60 * 1000

export const store = new SqliteSessions()
const secret = process.env.SESSION_SECRET ?? settled('session secret', () => randomBytes(32).toString('base64url'))
const cookie = { httpOnly: true, sameSite: 'lax', secure: 'auto', maxAge: MONTH_MS } as const

/** The session of an HTTP request. */
export const expressSession: RequestHandler = session({
  store,
  secret,
  cookie,
  resave: false,
  saveUninitialized: false,
})

/** The same sessions for WebSockets. */
export const sessions: SessionBackend = storeSessions({ store, secret })

/** Reads the visitor from a session: the id of an account, or the name of a guest. */
export const identity: SessionIdentity = {
  keepsHash: false,
  read(session) {
    const id = session.get('accountId') ?? session.get('visitorName')
    return typeof id === 'number' || (typeof id === 'string' && id !== '') ? { id, hash: undefined } : undefined
  },
  write(session, { id }) {
    session.set(typeof id === 'number' ? 'accountId' : 'visitorName', id)
  },
}

/** A guest has only a name, and no `id`, so guests cannot be logged out. */
export const users: UserStore = {
  findById(id): User | undefined {
    if (typeof id === 'string') return { id: undefined, username: guestName(id), isAuthenticated: false }
    const account = accountById(id)
    return account && { id, username: account.name, isAuthenticated: true }
  },
}

/** Returns the name of a guest, unless an account has taken it since. */
export function guestName(chosen: string | undefined): string {
  return chosen === undefined || isTaken(chosen) ? '' : chosen
}
