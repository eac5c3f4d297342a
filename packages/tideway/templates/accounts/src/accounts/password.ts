import { createHash, randomBytes, timingSafeEqual } from 'node:crypto'
import type { User } from 'tideway'

// Replace this file by your own users and their hashed passwords: here, every name has the same password.

const MAX_NAME = 40
const generated = randomBytes(9).toString('base64url')

if (process.env['CHAT_PASSWORD'] === undefined) {
  console.error(`Log in with any name and the password ${generated}. The variable CHAT_PASSWORD sets another one.`)
}

/** Returns the user of an id. */
export function userOf(id: unknown): User | undefined {
  if (typeof id !== 'string' || id.trim() === '' || id.length > MAX_NAME) return undefined
  return { id, username: id, isAuthenticated: true }
}

/** Returns the user if the password is correct. */
export function checkPassword(name: unknown, password: unknown): User | undefined {
  const expected = process.env['CHAT_PASSWORD'] ?? generated
  // Hashes have one length, and are compared in constant time.
  if (typeof password !== 'string' || !timingSafeEqual(hash(password), hash(expected))) return undefined
  return userOf(name)
}

function hash(text: string): Buffer {
  return createHash('sha256').update(text).digest()
}
