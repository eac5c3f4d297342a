import { database } from '../database.ts'
import { folded } from './names.ts'
import { hashed, isOutdated, isPassword } from './passwords.ts'

/** A person with a unique name. */
export interface Account {
  readonly id: number
  readonly name: string
}

/** Creates an account, unless the name is in use. Rejects with a `BusyError`. */
export async function signUp(name: string, password: string): Promise<Account | undefined> {
  const sql = 'INSERT INTO accounts (name, folded, password) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id, name'
  return database()
    .prepare(sql)
    .all(name, folded(name), await hashed(password))[0] as Account | undefined
}

/** Returns the account of that name and password, if there is one. Rejects with a `BusyError`. */
export async function accountOf(name: string, password: string): Promise<Account | undefined> {
  const sql = 'SELECT id, name, password FROM accounts WHERE folded = ?'
  const found = database().prepare(sql).get(folded(name)) as (Account & { password: string }) | undefined
  const isRight = await isPassword(password, found?.password)
  if (found === undefined || !isRight) return undefined
  const { id, password: hash } = found
  // Only here is the password available to be hashed with the current cost.
  if (isOutdated(hash)) {
    const update = database().prepare('UPDATE accounts SET password = ? WHERE id = ? AND password = ?')
    update.run(await hashed(password), id, hash)
  }
  return { id, name: found.name }
}

export function accountById(id: number): Account | undefined {
  return database().prepare('SELECT id, name FROM accounts WHERE id = ?').get(id) as Account | undefined
}

/** Whether the name looks like the name of an account. */
export function isTaken(name: string): boolean {
  return database().prepare('SELECT 1 FROM accounts WHERE folded = ?').get(folded(name)) !== undefined
}
