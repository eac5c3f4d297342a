import type { Application } from '../asgi/application.ts'
import { nodeListenerKey, type WithNodeListener } from '../asgi/node-listener.ts'
import { carryOriginCheck, markOriginCheck } from '../asgi/origin-check.ts'
import type { ChannelScope, HttpScope, LifespanScope, Scope, WebSocketScope } from '../asgi/scope.ts'
import { NoApplicationError } from './no-application-error.ts'
import { requireApplication } from './require-application.ts'

/** The application of each scope type. Each receives the plain scope; middleware adds everything else. */
export interface ProtocolApplications {
  readonly http?: Application<HttpScope> | undefined
  readonly websocket?: Application<WebSocketScope> | undefined
  /** Called at start-up and shutdown. Without it, the server starts without lifespan events. */
  readonly lifespan?: Application<LifespanScope> | undefined
  /** Called by workers: usually a `channelNameRouter`. */
  readonly channel?: Application<ChannelScope> | undefined
}

/**
 * Returns an application that calls the application of `scope.type`. It rejects with `ERR_NO_APPLICATION` if the type has none.
 * It keeps the mark of a Node listener of the `http` application, and that of an origin check of the `websocket` application.
 */
export function protocolTypeRouter(applications: ProtocolApplications): Application {
  const byType = new Map<string, Application>()
  for (const [type, application] of Object.entries(applications)) {
    if (application === undefined) continue
    requireApplication(application, `The "${type}" of protocolTypeRouter`)
    // Each application is only called with the scope of its own type.
    byType.set(type, application as Application)
  }
  const router: Application = function protocolTypeRouter(scope, receive, send) {
    const application = byType.get(scope.type)
    return application === undefined ? Promise.reject(noApplication(scope, byType)) : application(scope, receive, send)
  }
  const { http, websocket } = applications
  const listener = (http as WithNodeListener<unknown> | undefined)?.[nodeListenerKey]
  if (listener !== undefined) Object.assign(router, { [nodeListenerKey]: listener })
  return websocket === undefined ? markOriginCheck(router) : carryOriginCheck(websocket, router)
}

function noApplication(scope: Scope, byType: ReadonlyMap<string, Application>): NoApplicationError {
  const configured = [...byType.keys()].join(', ') || 'nothing'
  return new NoApplicationError(
    `No application for the scope type ${JSON.stringify(scope.type)}: protocolTypeRouter has ${configured}. ` +
      'Add one under that name.',
  )
}
