import type { AllowedHosts } from './allowed-hosts.ts'
import type { RequestHead } from './request-head.ts'

/** Why a request cannot be served, whatever the application. */
export interface RequestFault {
  readonly status: number
  readonly message: string
  readonly headers: readonly []
}

const badTarget = fault(400, 'The request target is invalid.')
const noHost = fault(400, 'A request has a Host.')
const twoHosts = fault(400, 'A request has one Host.')
const badHost = fault(400, 'The Host is invalid.')
const otherHost = fault(400, 'The Host is not one of the allowedHosts of this server.')
const oldChunks = fault(400, 'HTTP/1.0 has no Transfer-Encoding.')
const endless = fault(400, 'The last of the transfer codings is chunked.')
const unknownCoding = fault(501, 'Of transfer codings, only chunked is known here.')

/** How much of a header a message repeats. */
const MAX_SHOWN_LENGTH = 200

function fault(status: number, message: string): RequestFault {
  return { status, message, headers: [] }
}

/**
 * RFC 9112 §3.2.1, less strictly: a path with its query in visible ASCII, without a fragment. Browsers leave characters such as `|`
 * and `[` as they are, which RFC 3986 does not (URL Standard, "query percent-encode set").
 */
const targetPattern = /^\/[!"$-~]*$/

/** RFC 3986 §3.2.2 and §3.2.3: a name, an address, or an IPv6 address in brackets, and a port; empty for a target without one. */
const hostPattern = /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*|\[[\da-f:.]+\]|\[v[\w.~!$&'()*+,;=:-]+\])(?::\d*)?$/i

/** What is wrong with the Host, with the entry to add; `undefined` for any other fault. */
export function adviseHost(found: RequestFault, { headers }: RequestHead): string | undefined {
  if (found !== otherHost) return undefined
  const host = (headers.host ?? '').replace(/:\d*$/, '').slice(0, MAX_SHOWN_LENGTH)
  return `The Host ${JSON.stringify(host)} is not one of the allowedHosts of this server. If it is yours, add it to them.`
}

/**
 * What Node's parser lets pass, and HTTP does not, of a request or a handshake; two parties that read such a request differently
 * can be played off against each other. Looks at the list of headers as it came: the object that Node makes of it costs more
 * than all of this.
 * @param hosts the hosts that may be asked for; `undefined`: any
 */
export function faultOf(
  { rawHeaders, httpVersion, method, url }: RequestHead,
  hosts?: AllowedHosts,
): RequestFault | undefined {
  // RFC 9112 §3.2.4: the asterisk is for OPTIONS.
  if (!targetPattern.test(url!) && (url !== '*' || method !== 'OPTIONS')) return badTarget
  let host: string | undefined
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') {
      // RFC 9112 §3.2.
      if (host !== undefined) return twoHosts
      host = rawHeaders[i + 1]!
      if (!hostPattern.test(host)) return badHost
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      // RFC 9112 §6.1: such framing is faulty, since an older recipient on the way has not seen it.
      if (httpVersion === '1.0') return oldChunks
      const coding = rawHeaders[i + 1]!.toLowerCase()
      // RFC 9112 §6.3: of a request whose last coding is another, nobody knows the end.
      if (coding !== 'chunked') return /(?:^|[\s,])chunked$/.test(coding) ? unknownCoding : endless
    }
  }
  // Node itself answers such a request, but not a handshake.
  if (host === undefined && httpVersion !== '1.0') return noHost
  return hosts === undefined || hosts.has(host ?? '') ? undefined : otherHost
}
