import { randomBytes, scrypt, timingSafeEqual, type ScryptOptions } from 'node:crypto'
import { promisify } from 'node:util'

const derive: (password: string, salt: Buffer, length: number, options: ScryptOptions) => Promise<Buffer> =
  promisify(scrypt)

// What OWASP's Password Storage Cheat Sheet asks of scrypt: 32 MiB and three passes, some tenth of a second. The work is
// done in a thread of Node's own.
const COST = { N: 2 ** 15, r: 8, p: 3, maxmem: 64 * 2 ** 20 }
const SALT_BYTES = 16
const KEY_BYTES = 32

/** What is kept of a password: a salt and a key, from which nobody gets back to it. */
export async function hashed(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password.normalize('NFKC'), salt, KEY_BYTES, COST)
  return `${salt.toString('base64')}.${key.toString('base64')}`
}

/** Whether it is the password that was hashed. Takes as long for a hash that is not there, so that nobody learns who has an account. */
export async function isPassword(password: string, hash: string | undefined): Promise<boolean> {
  const [salt, key] = (hash ?? '.').split('.').map((part) => Buffer.from(part, 'base64'))
  const tried = await derive(password.normalize('NFKC'), salt!, KEY_BYTES, COST)
  return key!.length === KEY_BYTES && timingSafeEqual(tried, key!)
}
