/** Names of query parameters whose values let somebody in, in lower case. */
export const secretQueryNames: ReadonlySet<string> = new Set([
  'access_token',
  'api_key',
  'apikey',
  'auth',
  'authorization',
  'code',
  'id_token',
  'jwt',
  'key',
  'password',
  'refresh_token',
  'secret',
  'session',
  'sessionid',
  'sid',
  'sig',
  'signature',
  'ticket',
  'token',
])

/**
 * A query string, without its `?`, as it may be logged: the value of each secret parameter is `REDACTED`, everything
 * else stays as it came. Names are compared percent-decoded and in any case.
 */
export function redactQuery(queryString: string, names: ReadonlySet<string> = secretQueryNames): string {
  if (queryString === '') return ''
  return queryString
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=')
      if (at === -1) return pair
      return names.has(decoded(pair.slice(0, at))) ? `${pair.slice(0, at)}=REDACTED` : pair
    })
    .join('&')
}

/** As `URLSearchParams` reads a name: it never throws, whatever the percent signs. */
function decoded(name: string): string {
  const [[text] = ['']] = new URLSearchParams(name)
  return text.trim().toLowerCase()
}
