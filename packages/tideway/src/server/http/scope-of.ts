import type { IncomingMessage } from 'node:http'
import { hiddenField } from '../../errors/hidden-field.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { TidewayError } from '../../errors/tideway-error.ts'

const scopes = hiddenField<IncomingMessage | Request, HttpScope>()

/** Remembers the scope that an application of a framework was called with. */
export function rememberScope(request: IncomingMessage | Request, scope: HttpScope): void {
  scopes.set(request, scope)
}

/**
 * Returns the scope of a request that a `nodeListener` or `fetchHandler` handles, with the additions of the middleware around it: the
 * session and the user of `authMiddlewareStack`, for example. The request is Express's `request`, Koa's `context.req`,
 * Fastify's `request.raw` or Hono's `context.req.raw`.
 * @throws TidewayError `ERR_NO_SCOPE` if no middleware is around the `nodeListener`, or if it is another request
 * @example
 * app.get('/me', (request, response) => {
 *   response.json({ name: scopeOf<WithUser>(request).user.username })
 * })
 */
// oxlint-disable-next-line typescript/no-unnecessary-type-parameters -- the caller knows the middleware around the framework
export function scopeOf<Added extends object = {}>(request: IncomingMessage | Request): HttpScope & Added {
  const scope = scopes.get(request)
  if (scope !== undefined) return scope as HttpScope & Added
  throw new TidewayError(
    'ERR_NO_SCOPE',
    'The request has no scope: put middleware, such as authMiddlewareStack, around the nodeListener or fetchHandler, and give scopeOf() the request that its framework got.',
  )
}
