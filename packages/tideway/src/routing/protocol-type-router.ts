import type { Application } from '../asgi/application.ts'
import { setTraits, traitsOf } from '../asgi/application-traits.ts'
import type { ChannelScope, HttpScope, LifespanScope, Scope, WebSocketScope } from '../asgi/scope.ts'
import { NoApplicationError } from './no-application-error.ts'
import { requireApplication } from './require-application.ts'

/** The application of each scope type. Each receives the plain scope; middleware adds everything else. */
export interface ProtocolApplications {
  readonly http?: Application<HttpScope> | undefined
  readonly websocket?: Application<WebSocketScope> | undefined
  /** Called at startup and shutdown. Without it, the server starts without lifespan events. */
  readonly lifespan?: Application<LifespanScope> | undefined
  /** Called by workers: usually a `channelNameRouter`. */
  readonly channel?: Application<ChannelScope> | undefined
}

/**
 * Returns an application that calls the application of `scope.type`. It rejects with `ERR_NO_APPLICATION` if the type has none.
 * It has two traits of its applications: the Node listener of the `http` one, and the origin check of the `websocket` one.
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
  return setTraits(router, {
    nodeListener: http === undefined ? undefined : traitsOf(http).nodeListener,
    checksOrigin: websocket === undefined || traitsOf(websocket).checksOrigin,
    inner: [...byType.values()],
  })
}

function noApplication(scope: Scope, byType: ReadonlyMap<string, Application>): NoApplicationError {
  const configured = [...byType.keys()].join(', ') || 'nothing'
  return new NoApplicationError(
    `No application for the scope type ${JSON.stringify(scope.type)}: protocolTypeRouter has ${configured}. ` +
      'Add one under that name.',
  )
}
