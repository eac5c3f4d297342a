import type { OutgoingHttpHeaders } from 'node:http2'

/** An HTTP/1 response head in the form of HTTP/2. */
export interface ResponseHead {
  readonly status: number
  readonly fields: OutgoingHttpHeaders
}

/** Headers about an HTTP/1 connection, which HTTP/2 forbids (RFC 9113 §8.2.2). */
const connectionHeaders: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Parses the status line and the fields that Node's `ServerResponse` writes. */
export function readHead(text: string): ResponseHead {
  const [statusLine = '', ...lines] = text.split('\r\n')
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  return { status: Number(statusLine.split(' ', 2)[1]), fields: fieldsOf(fields) }
}

/** Converts fields to the form of Node's HTTP/2: names in lower case, the values of one name in a list. */
export function fieldsOf(pairs: Iterable<readonly [string, string]>): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = {}
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase()
    if (connectionHeaders.has(lower)) continue
    const before = fields[lower]
    fields[lower] = before === undefined ? value : [before, value].flat()
  }
  return fields
}
