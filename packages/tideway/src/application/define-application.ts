import type { Application } from '../asgi/application.ts'
import { setTraits, traitsOf } from '../asgi/application-traits.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
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
  const application: Application = (scope, receive, send) => {
    const withLayers = { ...scope, channelLayers }
    return router(withLayers, receive, send)
  }
  setTraits(application, traitsOf(router))
  return Object.assign(application, { channelLayers, groups })
}
