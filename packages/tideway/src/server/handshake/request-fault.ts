import type { AllowedHosts } from './allowed-hosts.ts'
import type { RequestHead } from './request-head.ts'

/** Why the server itself refuses a request. */
export interface RequestFault {
  readonly status: number
  readonly message: string
  readonly headers: readonly []
}

const badTarget = fault(400, 'The request target is invalid.')
const noHost = fault(400, 'The request must have a Host header.')
const twoHosts = fault(400, 'The request must have only one Host header.')
const badHost = fault(400, 'The Host header is invalid.')
const otherHost = fault(400, 'The Host is not one of the allowedHosts of this server.')
const oldChunks = fault(400, 'HTTP/1.0 does not support Transfer-Encoding.')
const endless = fault(400, 'chunked must be the last transfer coding.')
const unknownCoding = fault(501, 'chunked is the only transfer coding that this server supports.')

/** The most characters of a header in a message. */
const MAX_SHOWN_LENGTH = 200

function fault(status: number, message: string): RequestFault {
  return { status, message, headers: [] }
}

/**
 * RFC 9112 §3.2.1, less strictly: a path with its query in visible ASCII, without a fragment. Browsers do not encode characters such
 * as `|` and `[`, which RFC 3986 does not allow (URL Standard, "query percent-encode set").
 */
const targetPattern = /^\/[!"$-~]*$/

/** RFC 3986 §3.2.2 and §3.2.3: a name, an address, or an IPv6 address in brackets, and a port; empty for a target without one. */
const hostPattern = /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*|\[[\da-f:.]+\]|\[v[\w.~!$&'()*+,;=:-]+\])(?::\d*)?$/i

/** Names the Host that `allowedHosts` lacks. Returns `undefined` for any other fault. */
export function adviseHost(found: RequestFault, { headers }: RequestHead): string | undefined {
  if (found !== otherHost) return undefined
  const host = (headers.host ?? '').replace(/:\d*$/, '').slice(0, MAX_SHOWN_LENGTH)
  return `The Host ${JSON.stringify(host)} is not one of the allowedHosts of this server. Add it if it is yours.`
}

/**
 * Finds what Node's parser accepts in a request or handshake and HTTP forbids: two servers that parse such a request differently
 * can be attacked by request smuggling. It reads the raw headers: the object that Node makes of them costs more than this check.
 * @param hosts the hosts that the server answers for; `undefined`: any
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
      // RFC 9112 §6.1: such framing is faulty, since an HTTP/1.0 intermediary may have ignored it.
      if (httpVersion === '1.0') return oldChunks
      const coding = rawHeaders[i + 1]!.toLowerCase()
      // RFC 9112 §6.3: a server cannot find the end of a request whose last coding is another one.
      if (coding !== 'chunked') return /(?:^|[\s,])chunked$/.test(coding) ? unknownCoding : endless
    }
  }
  // Node's own check, which is off, would not cover handshakes.
  if (host === undefined && httpVersion !== '1.0') return noHost
  return hosts === undefined || hosts.has(host ?? '') ? undefined : otherHost
}
