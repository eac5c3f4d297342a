import { randomBytes, scrypt, timingSafeEqual } from 'node:crypto'

import { WorkQueue } from './work-queue.ts'

/** From OWASP's Password Storage Cheat Sheet: N = 2^15, r = 8, p = 3. A hash needs 32 MiB and about 0.1 s. */
const COST = 'ln=15,r=8,p=3'
const SALT_BYTES = 16
const KEY_BYTES = 32

// Node runs scrypt in a pool of four threads, which also read files. Two of them stay free.
const queue = new WorkQueue({ maxRunning: 2, maxWaiting: 20 })

/** Returns the hash to store for a password, in the PHC string format: `$scrypt$<cost>$<salt>$<key>`. Rejects with a `BusyError`. */
export async function hashed(password: string): Promise<string> {
  const salt = randomBytes(SALT_BYTES)
  const key = await derive(password, salt, COST)
  return ['', 'scrypt', COST, base64(salt), base64(key)].join('$')
}

/**
 * Returns whether the password matches the hash. A missing hash takes as long as a wrong password, so that the time does
 * not reveal which accounts exist. Rejects with a `BusyError`.
 */
export async function isPassword(password: string, hash = ''): Promise<boolean> {
  const [, , cost = COST, salt = '', key = ''] = hash.split('$')
  const expected = Buffer.from(key, 'base64')
  const derived = await derive(password, Buffer.from(salt, 'base64'), cost)
  return expected.length === KEY_BYTES && timingSafeEqual(derived, expected)
}

/** Whether the hash has an outdated cost. */
export function isOutdated(hash: string): boolean {
  return !hash.startsWith(`$scrypt$${COST}$`)
}

function derive(password: string, salt: Buffer, cost: string): Promise<Buffer> {
  const [log2N = 0, r = 0, p = 0] = (cost.match(/\d+/g) ?? []).map(Number)
  const N = 2 ** log2N
  const options = { N, r, p, maxmem: 256 * N * r }
  return queue.run(
    () =>
      new Promise((resolve, reject) => {
        scrypt(password.normalize('NFKC'), salt, KEY_BYTES, options, (error, key) => {
          if (error) reject(error)
          else resolve(key)
        })
      }),
  )
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64').replace(/=+$/, '')
}
