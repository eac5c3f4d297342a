/**
 * Names of query parameters whose values are secret, in lower case and without `-` and `_`. A name that ends with `token`, `secret`,
 * `password` or `signature` is secret as well: `ws_token`, `client_secret`, `X-Amz-Signature`.
 */
export const secretQueryNames: ReadonlySet<string> = new Set([
  'apikey',
  'assertion',
  'auth',
  'authkey',
  'authorization',
  'bearer',
  'code',
  'codeverifier',
  'credential',
  'credentials',
  'csrf',
  'invite',
  'jwt',
  'key',
  'otp',
  'pass',
  'passcode',
  'passphrase',
  'passwd',
  'pin',
  'privatekey',
  'pwd',
  'reset',
  'samlresponse',
  'secretkey',
  'session',
  'sessionid',
  'sessionkey',
  'sid',
  'sig',
  'ticket',
  'totp',
  'xsrf',
])

const secretEnding = /(?:token|secret|password|signature)$/

/** What a secret value is replaced by. */
const REDACTED = 'REDACTED'

/**
 * A query string, without its `?`, as it may be logged: the value of each secret parameter is `REDACTED`, everything else stays
 * as it came. Names are compared percent-decoded, in any case, and without `-` and `_`. Of `user[password]` and `user.password` each part
 * counts.
 * @param moreNames more secret names than the built-in list of secret names
 */
export function redactQuery(queryString: string, moreNames: Iterable<string> = []): string {
  if (queryString === '') return ''
  const more = new Set(Array.from(moreNames, plain))
  return queryString
    .split('&')
    .map((pair) => {
      const at = pair.indexOf('=')
      if (at === -1) return pair
      return isSecret(pair.slice(0, at), more) ? `${pair.slice(0, at)}=${REDACTED}` : pair
    })
    .join('&')
}

/**
 * The target of a request as it may be logged: its path as it came, its query by {@link redactQuery}, and no user and password of a
 * whole URL.
 */
export function redactTarget(target: string, moreNames?: Iterable<string>): string {
  const shown = target.startsWith('/') ? target : target.replace(/^([^/?#]*:\/\/)[^/?#]*@/, `$1${REDACTED}@`)
  const queryAt = shown.indexOf('?')
  return queryAt === -1 ? shown : shown.slice(0, queryAt + 1) + redactQuery(shown.slice(queryAt + 1), moreNames)
}

/** A JSON value as it may be shown: the value of each member whose name would be secret in a query is `REDACTED`. */
export function redactJson(value: unknown, moreNames: Iterable<string> = []): unknown {
  const more = new Set(Array.from(moreNames, plain))
  const shown = JSON.stringify(value, (name, member: unknown) => (isSecret(name, more) ? REDACTED : member))
  return shown === undefined ? undefined : (JSON.parse(shown) as unknown)
}

function isSecret(name: string, more: ReadonlySet<string>): boolean {
  return decoded(name)
    .split(/[[\].]+/)
    .map(plain)
    .some((part) => secretQueryNames.has(part) || secretEnding.test(part) || more.has(part))
}

function plain(name: string): string {
  return name.trim().toLowerCase().replaceAll(/[-_]/g, '')
}

/** As `URLSearchParams` reads a name: it never throws, whatever the percent signs. */
function decoded(name: string): string {
  const [[text] = ['']] = new URLSearchParams(name)
  return text
}
