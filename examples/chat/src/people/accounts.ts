import { database } from '../database.ts'
import { hashed, isPassword } from './passwords.ts'

/** Somebody whose name is nobody else's. */
export interface Account {
  readonly id: number
  readonly name: string
}

/** Makes an account, unless the name is taken. */
export async function signUp(name: string, password: string): Promise<Account | undefined> {
  const sql = 'INSERT INTO accounts (name, folded, password) VALUES (?, ?, ?) ON CONFLICT DO NOTHING RETURNING id, name'
  return database()
    .prepare(sql)
    .all(name, folded(name), await hashed(password))[0] as Account | undefined
}

/** The account of that name and password, if there is one. */
export async function accountOf(name: string, password: string): Promise<Account | undefined> {
  const sql = 'SELECT id, name, password FROM accounts WHERE folded = ?'
  const found = database().prepare(sql).get(folded(name)) as (Account & { password: string }) | undefined
  return (await isPassword(password, found?.password)) ? { id: found!.id, name: found!.name } : undefined
}

export function accountById(id: number): Account | undefined {
  return database().prepare('SELECT id, name FROM accounts WHERE id = ?').get(id) as Account | undefined
}

/** Whether the name is that of an account, however it is written. */
export function isTaken(name: string): boolean {
  return database().prepare('SELECT 1 FROM accounts WHERE folded = ?').get(folded(name)) !== undefined
}

/** The name as names are compared: "anna" and "ANNA" are one. */
export function folded(name: string): string {
  return name.normalize('NFKC').toLowerCase()
}
