import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'
import type { User } from 'tideway'
import { database } from './database.ts'

interface Account {
  id: number
  name: string
  salt: Buffer
  hash: Buffer
}

database.exec(`CREATE TABLE IF NOT EXISTS accounts (
  id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE COLLATE NOCASE, salt BLOB NOT NULL, hash BLOB NOT NULL
)`)
const byId = database.prepare('SELECT * FROM accounts WHERE id = ?')
const byName = database.prepare('SELECT * FROM accounts WHERE name = ?')
const insert = database.prepare('INSERT OR IGNORE INTO accounts (name, salt, hash) VALUES (?, ?, ?)')

/** Finds the user of a session. `authMiddlewareStack` calls it. */
export const users = {
  findById: (id: string | number): User | undefined => userOf(byId.get([id]) as Account | undefined),
}

/** Creates the account if the name is new. Returns `undefined` if the password is wrong. */
export async function checkPassword(name: string, password: string): Promise<User | undefined> {
  const salt = randomBytes(16)
  if (byName.get([name]) === undefined) insert.run([name, salt, await hashed(password, salt)])
  const account = byName.get([name]) as Account
  const isRight = timingSafeEqual(account.hash, await hashed(password, account.salt))
  return isRight ? userOf(account) : undefined
}

function userOf(account: Account | undefined): User | undefined {
  return account && { id: account.id, username: account.name, isAuthenticated: true }
}

/** A hash that needs 32 MiB and about 0.1 s, as OWASP recommends: N = 2^15, r = 8, p = 3. */
function hashed(password: string, salt: Buffer): Promise<Buffer> {
  return derive(password.normalize('NFKC'), salt, 32, { N: 2 ** 15, r: 8, p: 3, maxmem: 2 ** 26 })
}

const derive = promisify<string, Buffer, number, object, Buffer>(scrypt)
