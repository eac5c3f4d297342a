import { createHash } from 'node:crypto'
import { MAX_ID_LENGTH } from '../layer/log/kept-groups-options.ts'

/** The id of the n-th event that a request publishes: `id:n`, or a hash of it if it is too long for the id of an event. */
export function derivedId(requestId: string, n: number): string {
  const id = `${requestId}:${n}`
  return id.length <= MAX_ID_LENGTH ? id : createHash('sha256').update(id).digest('base64url')
}
