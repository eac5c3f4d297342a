import type { IncomingMessage } from 'node:http'

/** Why a request cannot be served, whatever the application. */
export interface RequestFault {
  readonly status: number
  readonly message: string
  readonly headers?: undefined
}

const noHost: RequestFault = { status: 400, message: 'A request has a Host.' }
const twoHosts: RequestFault = { status: 400, message: 'A request has one Host.' }
const badHost: RequestFault = { status: 400, message: 'The Host is invalid.' }
const oldChunks: RequestFault = { status: 400, message: 'HTTP/1.0 has no Transfer-Encoding.' }
const endless: RequestFault = { status: 400, message: 'The last of the transfer codings is chunked.' }
const unknownCoding: RequestFault = { status: 501, message: 'Of transfer codings, only chunked is known here.' }

/** RFC 3986 §3.2.2 and §3.2.3: a name, an address, or an IPv6 address in brackets, and a port; empty for a target without one. */
const hostPattern = /^(?:(?:[\w.~!$&'()*+,;=-]|%[\da-f]{2})*|\[[\da-f:.]+\]|\[v[\w.~!$&'()*+,;=:-]+\])(?::\d*)?$/i

/**
 * What Node's parser lets pass, and HTTP does not; two parties that read such a request differently can be played off against
 * each other. Looks at the list of headers as it came: the object that Node makes of it costs more than all of this.
 */
export function faultOf({ rawHeaders, httpVersion }: IncomingMessage): RequestFault | undefined {
  let hosts = 0
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i]!
    if (name.length === 4 && name.toLowerCase() === 'host') {
      // RFC 9112 §3.2.
      if (++hosts > 1) return twoHosts
      if (!hostPattern.test(rawHeaders[i + 1]!)) return badHost
    } else if (name.length === 17 && name.toLowerCase() === 'transfer-encoding') {
      // RFC 9112 §6.1: such framing is faulty, since an older recipient on the way has not seen it.
      if (httpVersion === '1.0') return oldChunks
      const coding = rawHeaders[i + 1]!.toLowerCase()
      // RFC 9112 §6.3: of a request whose last coding is another, nobody knows the end.
      if (coding !== 'chunked') return /(?:^|[\s,])chunked$/.test(coding) ? unknownCoding : endless
    }
  }
  // RFC 9112 §3.2.
  return hosts === 0 && httpVersion === '1.1' ? noHost : undefined
}
