/** The address of a live consumer over HTTP. */
export interface HttpTarget {
  /** The path of the WebSocket, as http: or https:. */
  readonly url: string
  readonly token: string | undefined
}

/** The end of a connection. */
export interface Closed {
  readonly code: number
  readonly reason: string
}

/** The close code of a connection that ended without one. */
export const abnormalClosure = 1006

/** The close codes for refusals without a code. Others are retried as a lost connection. */
const codeOfStatus: Readonly<Record<number, number>> = { 413: 1009, 429: 1013, 503: 1012 }

/** The reason of a close if the response is not a stream or not JSON: another transport may pass. */
export const unsuitable = 'unsuitable response'

/** The types of an answer. */
export type Accept = 'text/event-stream' | 'application/json'

/** Sends a body. */
export function post({ url, token }: HttpTarget, body: string, accept: Accept, signal: AbortSignal): Promise<Response> {
  return fetch(url, {
    method: 'POST',
    body,
    signal,
    // As a WebSocket does it, also to another origin.
    credentials: 'include',
    cache: 'no-store',
    headers: {
      Accept: accept,
      'Content-Type': 'application/json',
      ...(token !== undefined && { Authorization: `Bearer ${token}` }),
    },
  })
}

/** Returns the end of the connection if the response does not begin an answer. */
export async function refusalOf(response: Response, accept: Accept): Promise<Closed | undefined> {
  const { ok, status } = response
  const type = response.headers.get('content-type') ?? ''
  const isStream = accept === 'text/event-stream'
  if (ok) {
    const isSuitable = isStream ? type.startsWith(accept) && response.body : type.startsWith(accept) || status === 204
    return isSuitable ? undefined : { code: abnormalClosure, reason: unsuitable }
  }
  const closed = type.startsWith('application/json') ? ((await response.json()) as Partial<Closed>) : {}
  return { code: codeOfStatus[status] ?? abnormalClosure, reason: `HTTP ${status}`, ...closed }
}
