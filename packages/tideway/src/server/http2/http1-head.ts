import type { OutgoingHttpHeaders } from 'node:http2'

/** A head of HTTP/1 as HTTP/2 has it. */
export interface ResponseHead {
  readonly status: number
  readonly fields: OutgoingHttpHeaders
}

/** What is about a connection of HTTP/1, and must not be there in HTTP/2 (RFC 9113 §8.2.2). */
const ofConnection: ReadonlySet<string> = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
  'http2-settings',
])

/** Reads status line and fields, as Node's `ServerResponse` writes them. */
export function readHead(text: string): ResponseHead {
  const [statusLine = '', ...lines] = text.split('\r\n')
  const fields = lines.map((line): [string, string] => {
    const colon = line.indexOf(':')
    return [line.slice(0, colon), line.slice(colon + 1).trim()]
  })
  return { status: Number(statusLine.split(' ', 2)[1]), fields: fieldsOf(fields) }
}

/** Fields as Node's HTTP/2 takes them: names in lower case, the values of one name in a list. */
export function fieldsOf(pairs: Iterable<readonly [string, string]>): OutgoingHttpHeaders {
  const fields: Record<string, string | string[]> = {}
  for (const [name, value] of pairs) {
    const lower = name.toLowerCase()
    if (ofConnection.has(lower)) continue
    const before = fields[lower]
    fields[lower] = before === undefined ? value : [before, value].flat()
  }
  return fields
}
