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
    /** Of somebody who is logged in. */
    accountId?: number
    /** Of a guest with a name. */
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

/** The same sessions, for WebSockets. */
export const sessions: SessionBackend = storeSessions({ store, secret })

/** Where a session says who the visitor is: an account by its number, or a guest by the name. */
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

/** A guest has a name at most: without an `id` there is nobody to be logged out. */
export const users: UserStore = {
  findById(id): User | undefined {
    if (typeof id === 'string') return { id: undefined, username: guestName(id), isAuthenticated: false }
    const account = accountById(id)
    return account && { id, username: account.name, isAuthenticated: true }
  },
}

/** The name that a guest goes by: not one that has become somebody's since. */
export function guestName(chosen: string | undefined): string {
  return chosen === undefined || isTaken(chosen) ? '' : chosen
}
