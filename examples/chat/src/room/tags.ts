import { createHash } from 'node:crypto'

import type { User } from 'tideway'

/** Returns a tag of a secret, from which the secret cannot be read: tags are kept, and go to other processes. */
export function tagOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url').slice(0, 22)
}

/** Returns whose messages are a client's own on all of its devices: the tag of the account, or of a guest's session, or `""`. */
export function ownerTag({ id, isAuthenticated }: User, sessionKey: string | undefined): string {
  if (isAuthenticated) return tagOf(`account ${id}`)
  return sessionKey === undefined ? '' : tagOf(`session ${sessionKey}`)
}

/** Returns the number that tells guests without a name apart, from 100 to 999. It is the same in every process. */
export function guestNumber(author: string): number {
  return 100 + (Buffer.from(author, 'base64url').readUInt32BE() % 900)
}
