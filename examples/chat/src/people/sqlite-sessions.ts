import session, { type SessionData } from 'express-session'

import { database } from '../database.ts'

/** The lifetime of a session without a `maxAge`, in milliseconds. */
const DAY_MS = 24 * 60 * 60 * 1000

type Done = (error?: unknown) => void

/** A store for express-session in the chat's database: sessions survive a restart, and all processes share them. */
export class SqliteSessions extends session.Store {
  override get(id: string, done: (error: unknown, session?: SessionData | null) => void): void {
    const found = database().prepare('SELECT data FROM sessions WHERE id = ? AND ends > ?').get(id, Date.now())
    done(null, found === undefined ? null : (JSON.parse((found as { data: string }).data) as SessionData))
  }

  override set(id: string, session: SessionData, done?: Done): void {
    const { accountId = null } = session
    database()
      .prepare('INSERT OR REPLACE INTO sessions (id, account, data, ends) VALUES (?, ?, ?, ?)')
      .run(id, accountId, JSON.stringify(session), endOf(session))
    database().prepare('DELETE FROM sessions WHERE ends <= ?').run(Date.now())
    done?.()
  }

  /** Extends a session. A session that has ended stays ended, because a pending request must not undo a logout. */
  override touch(id: string, session: SessionData, done?: Done): void {
    database()
      .prepare("UPDATE sessions SET ends = ?, data = json_set(data, '$.cookie', json(?)) WHERE id = ?")
      .run(endOf(session), JSON.stringify(session.cookie), id)
    done?.()
  }

  override destroy(id: string, done?: Done): void {
    database().prepare('DELETE FROM sessions WHERE id = ?').run(id)
    done?.()
  }

  /** Ends every session of the account, in all browsers. */
  endAllOf(accountId: number): void {
    database().prepare('DELETE FROM sessions WHERE account = ?').run(accountId)
  }
}

function endOf({ cookie }: SessionData): number {
  return cookie.expires ? new Date(cookie.expires).getTime() : Date.now() + DAY_MS
}
