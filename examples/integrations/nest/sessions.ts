import type { Request } from 'express'
import session from 'express-session'

declare module 'express-session' {
  interface SessionData {
    person: string
  }
}

export const secret = process.env['SESSION_SECRET'] ?? 'for this machine only'
export const store = new session.MemoryStore()

/** The sessions of Nest's routes; the WebSockets read them from the same store. */
export const sessions = session({ secret, store, resave: false, saveUninitialized: false })

/** Starts a new session: an attacker may have planted the old one (session fixation). */
export function logIn(request: Request, person: string): Promise<void> {
  return new Promise((resolve, reject) => {
    request.session.regenerate((error) => {
      if (error) {
        reject(error)
        return
      }
      request.session.person = person
      resolve()
    })
  })
}
