import { createHash } from 'node:crypto'

/** The id of an event that the handler of a request publishes without one. */
export interface PublishedId {
  /** For clients: the id of the request, a colon, and a number from 1. */
  readonly shown: string
  /**
   * For the check of duplicates: different users and classes have different ones. Otherwise a client could publish first with the id
   * that another client is about to use, and the event of the other one would be taken for a duplicate.
   */
  readonly unique: string
}

/** The id of the n-th event of a request. */
export function publishedId(scope: string, requestId: string, n: number): PublishedId {
  const shown = `${requestId}:${n}`
  return { shown, unique: createHash('sha256').update(`${scope}\n${shown}`).digest('base64url') }
}
