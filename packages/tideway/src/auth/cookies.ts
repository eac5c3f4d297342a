import { parseCookie } from 'cookie'

import type { Application } from '../asgi/application.ts'
import type { HeaderList } from '../asgi/headers.ts'
import { missingScope } from './missing-scope.ts'
import { defineMiddleware, type ClientScope, type OuterScope } from './define-middleware.ts'

/** The cookies of a request by name. If a name occurs twice, the first value counts: browsers send the closest path first (RFC 6265 §5.4). */
export type Cookies = Readonly<Record<string, string | undefined>>

/** What {@link cookieMiddleware} adds to the scope. */
export interface WithCookies {
  readonly cookies: Cookies
}

/** Shared by all connections without cookies. */
const noCookies: Cookies = Object.freeze(Object.create(null) as Record<string, string | undefined>)

/**
 * Adds the cookies of the request to the scope as `scope.cookies`. Reads all `Cookie` headers, because HTTP/2 may send several
 * (RFC 9113 §8.2.3), and percent-decodes values if they can be decoded. Does nothing inside another `cookieMiddleware`.
 */
export function cookieMiddleware<S extends ClientScope>(
  inner: Application<S>,
): Application<OuterScope<S, WithCookies>> {
  return defineMiddleware<S, WithCookies>(
    inner,
    (inner) =>
      function cookieMiddleware(scope, receive, send) {
        if (scope.cookies !== undefined) return inner({ ...scope, cookies: scope.cookies }, receive, send)
        const { headers } = scope as { readonly headers?: HeaderList }
        if (headers === undefined)
          return missingScope('cookieMiddleware', 'headers', 'give it HTTP and WebSocket scopes only')
        return inner({ ...scope, cookies: readCookies(headers) }, receive, send)
      },
  )
}

/** Returns the cookies in the headers of a request. Never throws: cookies that cannot be parsed are left out. */
export function readCookies(headers: HeaderList): Cookies {
  if (!headers.has('cookie')) return noCookies
  return parseCookie(headers.getAll('cookie').join('; '))
}
