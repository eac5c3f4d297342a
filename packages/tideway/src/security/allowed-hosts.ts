import type { Application } from '../asgi/application.ts'
import { adviseOrigin, describeHost } from '../asgi/foreign-page.ts'
import type { WithOriginCheck } from '../asgi/origin-check.ts'
import { isOriginOfHost } from '../asgi/origin.ts'
import type { WebSocketScope } from '../asgi/scope.ts'
import { listValidator, validated } from './origin-validator.ts'

/** The options of {@link allowedHostsOriginValidator}. */
export interface AllowedHostsOptions {
  /** The hosts of the site: `example.com`, `.example.com` with its subdomains, `*`. @default the host that the request is for */
  readonly allowedHosts?: readonly string[]
}

/**
 * Lets a WebSocket handshake through only from the site's own pages. With `allowedHosts`, the entries are those of
 * `originValidator`. Without, the page has to be of the host and port that the handshake is for (`Origin` against
 * `Host`), which fits any name of a development machine.
 *
 * Give the list in production, with `https://` entries: a name that an attacker owns can be made to lead to this server
 * (DNS rebinding), and its pages are then of the same host. Behind a proxy that does not pass `Host` on, the list is
 * needed as well.
 */
export function allowedHostsOriginValidator<S extends WebSocketScope>(
  inner: Application<S>,
  { allowedHosts }: AllowedHostsOptions = {},
): Application<S> & WithOriginCheck {
  const name = 'allowedHostsOriginValidator'
  if (allowedHosts !== undefined) return listValidator(name, inner, allowedHosts, 'allowedHosts')
  return validated(name, inner, {
    isAllowed: (origin, { headers }) => origin !== undefined && isOriginOfHost(origin, headers),
    explain: ({ headers }) => `${describeHost(headers)}. ${adviseOrigin(headers, 'allowedHosts', true)}`,
  })
}
