import type { IncomingMessage } from 'node:http'
import { sortColumns, type ConnectionQuery, type DisconnectTarget } from './inspected-connections.ts'

/** A request that the inspector cannot answer: its message is for the operator. */
export class InspectorError extends Error {
  readonly status: number

  constructor(status: number, message: string) {
    super(message)
    this.status = status
  }
}

/** The most rows of one answer. */
export const MAX_ROWS = 100
const DEFAULT_ROWS = 50
/** The most characters of a search. */
const MAX_SEARCH = 200
/** The most bytes of the body of a request. */
const MAX_BODY_BYTES = 2048
/** The most bytes of the reason in a close frame (RFC 6455 §5.5). */
const MAX_REASON_BYTES = 123

/** The part of a list. @throws InspectorError 400 */
export function pageOf(query: URLSearchParams): Pick<ConnectionQuery, 'search' | 'offset' | 'limit'> {
  const search = (query.get('search') ?? '').trim()
  if (search.length > MAX_SEARCH) throw new InspectorError(400, `search has more than ${MAX_SEARCH} characters.`)
  return {
    search,
    offset: wholeNumber(query, 'offset', 0, 0, 1_000_000),
    limit: wholeNumber(query, 'limit', DEFAULT_ROWS, 1, MAX_ROWS),
  }
}

/** @throws InspectorError 400 */
export function connectionQueryOf(query: URLSearchParams): ConnectionQuery {
  const sort = sortColumns.find((column) => column === (query.get('sort') ?? 'id'))
  if (sort === undefined) throw new InspectorError(400, `sort must be one of ${sortColumns.join(', ')}.`)
  const order = query.get('order') ?? 'asc'
  if (order !== 'asc' && order !== 'desc') throw new InspectorError(400, 'order must be asc or desc.')
  return { ...pageOf(query), sort, isDescending: order === 'desc' }
}

function wholeNumber(query: URLSearchParams, name: string, fallback: number, least: number, most: number): number {
  const text = query.get(name) ?? String(fallback)
  const value = Number(text)
  if (/^\d{1,9}$/.test(text) && value >= least && value <= most) return value
  throw new InspectorError(400, `${name} must be a whole number from ${least} to ${most}.`)
}

/** What to disconnect, and how. */
export interface Disconnect {
  readonly target: DisconnectTarget
  readonly code: number
  readonly reason: string
}

/** @throws InspectorError 400, 413, 415 */
export async function disconnectOf(request: IncomingMessage): Promise<Disconnect> {
  const { id, user, code = 1008, reason = '' } = await readJson(request)
  if (typeof code !== 'number' || !isCloseCode(code)) {
    throw new InspectorError(400, 'code must be 1000, 1008, 1012, 1013, or from 3000 to 4999.')
  }
  if (typeof reason !== 'string' || Buffer.byteLength(reason) > MAX_REASON_BYTES) {
    throw new InspectorError(400, `reason must be a text of at most ${MAX_REASON_BYTES} bytes.`)
  }
  if (user === undefined && typeof id === 'number' && Number.isSafeInteger(id)) return { target: { id }, code, reason }
  if (id === undefined && typeof user === 'string' && user !== '') return { target: { user }, code, reason }
  throw new InspectorError(400, 'The body must have either the id of a connection or a user.')
}

/** Codes that an endpoint may send, and that mean something to a client that an operator disconnects. */
function isCloseCode(code: number): boolean {
  return [1000, 1008, 1012, 1013].includes(code) || (Number.isInteger(code) && code >= 3000 && code <= 4999)
}

async function readJson(request: IncomingMessage): Promise<Readonly<Record<string, unknown>>> {
  if (!/^application\/json\b/i.test(request.headers['content-type'] ?? '')) {
    throw new InspectorError(415, 'The body must be application/json.')
  }
  const chunks: Buffer[] = []
  let bytes = 0
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length
    if (bytes > MAX_BODY_BYTES) throw new InspectorError(413, `The body has more than ${MAX_BODY_BYTES} bytes.`)
    chunks.push(chunk)
  }
  try {
    const value: unknown = JSON.parse(Buffer.concat(chunks).toString())
    if (typeof value === 'object' && value !== null) return value as Readonly<Record<string, unknown>>
  } catch {
    // The error below is for it too.
  }
  throw new InspectorError(400, 'The body must be a JSON object.')
}
