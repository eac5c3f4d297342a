import type { Application } from '../asgi/application.ts'
import { setTraits, traitsOf } from '../asgi/application-traits.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import { LiveRoutes } from './live-routes.ts'
import { protocolTypeRouter, type ProtocolApplications } from '../routing/protocol-type-router.ts'

/** The parts of an application: one application per scope type, and their shared channel layers. */
export interface ApplicationDefinition extends ProtocolApplications {
  /** The channel layers by alias. Consumers use `default`, or the `channelLayerAlias` of their class. */
  readonly channelLayers?: Readonly<Record<string, ChannelLayer>> | undefined
  /**
   * `false` if the application needs no groups and channels across processes. Then it may run as several processes
   * (`tideway serve --workers`) with a layer in memory.
   * @default true
   */
  readonly groups?: boolean | undefined
}

/** An application for `serve`, `attach` and the command line. */
export type DefinedApplication = Application & {
  /** The application's layers. The server or program that runs the application closes them at its end. */
  readonly channelLayers: Readonly<Record<string, ChannelLayer>>
  /** Whether the application needs groups across all its processes. */
  readonly groups: boolean
}

/**
 * Defines an application from its routers and channel layers. Consumers find the layers as `this.channelLayer`. Other code
 * imports the layer from the module that made it.
 *
 * Clients of a `LiveConsumer` that cannot open a WebSocket send a `POST` to the path of its route: the WebSocket application answers it,
 * with all its middleware, and the `http` application does not get it.
 * @example
 * export default defineApplication({
 *   channelLayers: { default: new InMemoryChannelLayer() },
 *   http: nodeListener(express()),
 *   websocket: authMiddlewareStack(urlRouter(websocketRoutes)),
 * })
 */
export function defineApplication(definition: ApplicationDefinition): DefinedApplication {
  const { channelLayers = {}, groups = true, ...applications } = definition
  const router = protocolTypeRouter(applications)
  const live = LiveRoutes.of(applications.websocket, applications.http !== undefined)
  const application: Application = (scope, receive, send) => {
    const withLayers = { ...scope, channelLayers }
    const overHttp = scope.type === 'http' ? live?.applicationFor(scope) : undefined
    // The compiler does not see that the events are those of the scope.
    const target = (overHttp ?? router) as Application
    return target(withLayers, receive, send)
  }
  setTraits(application, {
    ...traitsOf(router),
    ...(live !== undefined && { answersItself: (scope) => live.applicationFor(scope) !== undefined }),
  })
  return Object.assign(application, { channelLayers, groups })
}
