import type { Application } from '../../asgi/application.ts'
import { traitsOf } from '../../asgi/application-traits.ts'
import { guardedListener } from './guarded-listener.ts'
import type { ReportOptions } from './http-failure.ts'
import type { HttpOptions } from './http-options.ts'
import type { NodeListener } from './node-listener.ts'

/**
 * Returns the listener of an HTTP application that is a `nodeListener`, for the server to call directly. With a time limit for
 * responses it returns `undefined`: the exchange that enforces the limit calls the listener.
 */
export function directListener(
  application: Application,
  options: HttpOptions & ReportOptions,
): NodeListener | undefined {
  const listener: NodeListener | undefined = traitsOf(application).nodeListener
  return listener === undefined || options.httpTimeoutMs !== false ? undefined : guardedListener(listener, options)
}
