import type { Application } from '../asgi/application.ts'
import type { WithOriginCheck } from '../asgi/origin-check.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import { originValidator, validated } from './origin-validator.ts'
import { defaultPortOf, parseOrigin, type Origin } from './origin.ts'

/** The options of {@link allowedHostsOriginValidator}. */
export interface AllowedHostsOptions {
  /** The hosts of the site: `example.com`, `.example.com` with its subdomains, `*`. @default the host that the request is for */
  readonly allowedHosts?: readonly string[]
}

/**
 * Lets a WebSocket handshake through only from the site's own pages. Given `allowedHosts`, from those hosts, as
 * `originValidator` does. Without them, from pages of the very host and port that the handshake is for (`Origin`
 * against `Host`), which is right for any name that the machine is called by.
 *
 * Give the list in production: a name that an attacker owns can be made to lead to this server (DNS rebinding), and its
 * pages are then of the same host. Behind a proxy that does not pass `Host` on, the list is needed as well.
 */
export function allowedHostsOriginValidator<S extends WebSocketScope>(
  inner: Application<S>,
  { allowedHosts }: AllowedHostsOptions = {},
): Application<S> & WithOriginCheck {
  if (allowedHosts !== undefined) return originValidator(inner, allowedHosts)
  return validated('allowedHostsOriginValidator', inner, (origin, scope) => {
    if (origin === undefined) return false
    const hosts = scope.headers.getAll('host')
    return hosts.length === 1 && isHost(origin, hosts[0]!)
  })
}

/**
 * A `Host` without a port means that of the origin's scheme, not that of the connection's: behind a proxy that ends TLS
 * the connection is plain and the page is not.
 */
function isHost(origin: Origin, host: string): boolean {
  if (defaultPortOf(origin.scheme) === undefined) return false
  const target = parseOrigin(`${origin.scheme}://${host}`)
  return target !== undefined && target.host === origin.host && target.port === origin.port
}
