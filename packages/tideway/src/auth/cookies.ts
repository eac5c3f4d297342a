import { parseCookie } from 'cookie'

import type { Application } from '../asgi/application.ts'
import type { HeaderList } from '../asgi/headers.ts'
import { missingScope } from './missing-scope.ts'
import { defineMiddleware, type ClientScope, type OuterScope } from './define-middleware.ts'

/** The cookies of a request by name. A name that came twice has its first value: browsers send the closest path first (RFC 6265 §5.4). */
export type Cookies = Readonly<Record<string, string | undefined>>

/** What {@link cookieMiddleware} adds to the scope. */
export interface WithCookies {
  readonly cookies: Cookies
}

/** Shared by all connections that sent none. */
const noCookies: Cookies = Object.freeze(Object.create(null) as Record<string, string | undefined>)

/**
 * Puts the cookies of the request into `scope.cookies`. All `Cookie` headers are read, for HTTP/2 may send several
 * (RFC 9113 §8.2.3); values are percent-decoded where they can be. Inside another `cookieMiddleware` it does nothing.
 */
export function cookieMiddleware<S extends ClientScope>(
  inner: Application<S>,
): Application<OuterScope<S, WithCookies>> {
  return defineMiddleware<S, WithCookies>(inner, (inner) => (scope, receive, send) => {
    if (scope.cookies !== undefined) return inner({ ...scope, cookies: scope.cookies }, receive, send)
    const { headers } = scope as { readonly headers?: HeaderList }
    if (headers === undefined)
      return missingScope('cookieMiddleware', 'headers', 'give it HTTP and WebSocket scopes only')
    return inner({ ...scope, cookies: readCookies(headers) }, receive, send)
  })
}

/** The cookies in the headers of a request. Never throws: what cannot be read is left out. */
export function readCookies(headers: HeaderList): Cookies {
  if (!headers.has('cookie')) return noCookies
  return parseCookie(headers.getAll('cookie').join('; '))
}
