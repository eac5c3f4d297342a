import type { IncomingMessage } from 'node:http'
import type { Application } from '../../asgi/application.ts'
import { traitsOf } from '../../asgi/application-traits.ts'
import type { HttpScope } from '../../asgi/scope.ts'
import { guardedListener } from './guarded-listener.ts'
import type { ReportOptions } from './http-failure.ts'
import type { HttpOptions } from './http-options.ts'
import type { NodeListener } from './node-listener.ts'

/**
 * Returns the listener of an HTTP application that is a `nodeListener`, for the server to call directly. With a time limit for
 * responses it returns `undefined`: the exchange that enforces the limit calls the listener.
 * @param scopeOf makes the scope of a request; `undefined` if its path is not valid
 * @param exchange gets the requests that the application answers itself
 */
export function directListener(
  application: Application,
  options: HttpOptions & ReportOptions,
  scopeOf: (request: IncomingMessage) => HttpScope | undefined,
  exchange: NodeListener,
): NodeListener | undefined {
  const { nodeListener, answersItself } = traitsOf(application)
  if (nodeListener === undefined || options.httpTimeoutMs !== false) return undefined
  const direct = guardedListener(nodeListener, options)
  if (answersItself === undefined) return direct
  return (request, response) => {
    const scope = request.method === 'POST' || request.method === 'OPTIONS' ? scopeOf(request) : undefined
    if (scope !== undefined && answersItself(scope)) exchange(request, response)
    else direct(request, response)
  }
}
