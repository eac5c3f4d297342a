import type { RequestHead } from './request-head.ts'

/** `ws` is not a scheme of HTTP, but WebSocket clients send it (RFC 6455 §4.1 allows an absolute URI). */
const absolutePattern = /^(?:https?|wss?):\/\/([^/?#]+)(.*)$/i

/**
 * Replaces a target that is a whole URL by its path, and the `Host` by its authority, so that all later code sees one host. RFC
 * 9112 §3.2.2: a server must accept this form, and must ignore the `Host` sent with it. Other targets do not change.
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
  // An HTTP/1.1 request without a Host stays invalid (RFC 9112 §3.2).
  else if (request.httpVersion === '1.0') rawHeaders.push('Host', authority)
  else return
  request.headers.host = authority
}
