import type { RequestHead } from './request-head.ts'

/** The scheme `ws` is not one of HTTP, but clients of WebSockets send it (RFC 6455 §4.1 speaks of an absolute URI). */
const absolutePattern = /^(?:https?|wss?):\/\/([^/?#]+)(.*)$/i

/**
 * Gives a request whose target is a whole URL the path of it as its target, and its authority as its `Host`, so that everything
 * behind sees one host. RFC 9112 §3.2.2: a server must accept this form, and must ignore the `Host` beside it. Any other target
 * stays as it is.
 */
export function toOriginForm(request: RequestHead): void {
  const target = request.url!
  if (target.startsWith('/')) return
  const [, authority, rest] = absolutePattern.exec(target) ?? []
  if (authority === undefined) return
  request.url = rest!.startsWith('/') ? rest! : `/${rest!}`
  const { rawHeaders } = request
  const hostAt = rawHeaders.findIndex((name, i) => i % 2 === 0 && name.toLowerCase() === 'host')
  if (hostAt !== -1) rawHeaders[hostAt + 1] = authority
  // A request of HTTP/1.1 without a Host stays faulty (RFC 9112 §3.2).
  else if (request.httpVersion === '1.0') rawHeaders.push('Host', authority)
  else return
  request.headers.host = authority
}
