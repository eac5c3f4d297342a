import type { HeaderList } from './headers.ts'
import { originOf } from './origin.ts'

/** How much of a header a message repeats. */
const MAX_SHOWN_LENGTH = 200

/** The sender of a handshake, as a message names it: `a page of http://localhost:5173`. */
export function describeSender(headers: HeaderList): string {
  const [origin, ...more] = headers.getAll('origin')
  if (origin === undefined) return 'a client that sends no Origin'
  if (origin === 'null') return 'a page that hides its origin ("null")'
  if (more.length > 0) return 'a client that sends several Origins'
  return originOf(headers) === undefined
    ? `a client with the unreadable Origin ${shown(origin)}`
    : `a page of ${origin.slice(0, MAX_SHOWN_LENGTH)}`
}

/**
 * What to write so that this page may connect, or why it cannot be allowed.
 * @param list the name of the list of allowed origins
 * @param isFirstEntry whether there is no list yet, so that it needs the server's own pages too
 */
export function adviseOrigin(headers: HeaderList, list: string, isFirstEntry = false): string {
  const origin = headers.get('origin')
  if (origin === undefined) {
    return `A client that is not a browser must send the header Origin, or ${list} must contain "*", which is safe only without cookies.`
  }
  const parsed = originOf(headers)
  if (parsed === undefined) return 'Such an Origin cannot be allowed alone.'
  const host = headers.get('host')
  const own = isFirstEntry && host !== undefined ? [`${parsed.scheme}://${host}`] : []
  const entries = [origin, ...own].map((entry) => shown(entry)).join(', ')
  return `Add it to ${list}: [${entries}].`
}

/** The address of the server as the client wrote it: `this server is localhost:8310`. */
export function describeHost(headers: HeaderList): string {
  const host = headers.get('host')
  const name =
    host === undefined
      ? 'this server has no name (the request has no Host)'
      : `this server is ${host.slice(0, MAX_SHOWN_LENGTH)}`
  return isForwarded(headers) ? `${name}, as the proxy wrote it in Host (a proxy must forward Host)` : name
}

function isForwarded(headers: HeaderList): boolean {
  return headers.has('x-forwarded-for') || headers.has('x-forwarded-host') || headers.has('forwarded')
}

function shown(value: string): string {
  return JSON.stringify(value.slice(0, MAX_SHOWN_LENGTH))
}
