import type { Application } from '../asgi/application.ts'
import { adviseOrigin, describeHost } from '../asgi/foreign-page.ts'
import { isOriginOfHost } from '../asgi/origin.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import { listValidator, validated } from './origin-validator.ts'

/** The options of {@link allowedHostsOriginValidator}. */
export interface AllowedHostsOptions {
  /** The hosts of the site: `example.com`, `.example.com` with its subdomains, `*`. @default the host of the request */
  readonly allowedHosts?: readonly string[]
}

/**
 * Accepts WebSocket handshakes only from pages of the site. The entries of `allowedHosts` are those of `originValidator`. Without the
 * list, the host and port of the page (`Origin`) have to be those of the handshake (`Host`), which works with every name of a
 * development machine.
 *
 * Give the list in production, with `https://` entries: an attacker can point a name of its own at this server (DNS rebinding), and
 * pages under that name then have the same host. Behind a proxy that does not forward `Host` the list is needed too.
 */
export function allowedHostsOriginValidator<S extends WebSocketScope>(
  inner: Application<S>,
  { allowedHosts }: AllowedHostsOptions = {},
): Application<S> {
  const name = 'allowedHostsOriginValidator'
  if (allowedHosts !== undefined) return listValidator(name, inner, allowedHosts, 'allowedHosts')
  return validated(name, inner, {
    isAllowed: (origin, { headers }) => origin !== undefined && isOriginOfHost(origin, headers),
    explain: ({ headers }) => `${describeHost(headers)}. ${adviseOrigin(headers, 'allowedHosts', true)}`,
  })
}
