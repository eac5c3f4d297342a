import { createHash } from 'node:crypto'

import type { User } from 'tideway'

/** Returns a tag that does not reveal the secret. Tags are stored and sent to other processes. */
export function tagOf(secret: string): string {
  return createHash('sha256').update(secret).digest('base64url').slice(0, 22)
}

/** Returns the tag of the account or of the guest's session, or `""`. It identifies a person's own messages on all devices. */
export function ownerTag({ id, isAuthenticated }: User, sessionKey: string | undefined): string {
  if (isAuthenticated) return tagOf(`account ${id}`)
  return sessionKey === undefined ? '' : tagOf(`session ${sessionKey}`)
}

/** Adds the number of a guest without a name: from 100 to 999, the same in every process. */
export function numbered<Author extends { readonly user: string; readonly author: string }>(
  author: Author,
): Author & { readonly guest?: number } {
  if (author.user !== '') return author
  return { ...author, guest: 100 + (Buffer.from(author.author, 'base64url').readUInt32BE() % 900) }
}
