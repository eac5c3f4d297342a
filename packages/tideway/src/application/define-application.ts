import type { Application } from '../asgi/application.ts'
import { setTraits, traitsOf } from '../asgi/application-traits.ts'
import type { ChannelLayer } from '../layer/channel-layer.ts'
import { protocolTypeRouter, type ProtocolApplications } from '../routing/protocol-type-router.ts'

/** What an application consists of: one application for each scope type, and the channel layers that they share. */
export interface ApplicationDefinition extends ProtocolApplications {
  /** The channel layers by alias; consumers use the one named `default` unless their class says otherwise. */
  readonly channelLayers?: Readonly<Record<string, ChannelLayer>> | undefined
  /**
   * `false` says that the application does without groups and channels that reach other processes, so that it may run as
   * several (`tideway serve --workers`) although a layer of it is in memory.
   * @default true
   */
  readonly groups?: boolean | undefined
}

/** A whole application, as `serve`, `attach` and the command line take it. */
export type DefinedApplication = Application & {
  /** The layers that it was defined with. Whoever runs the application closes them at the end. */
  readonly channelLayers: Readonly<Record<string, ChannelLayer>>
  /** Whether it needs groups that reach all its processes. */
  readonly groups: boolean
}

/**
 * Joins what an application consists of: the settings, routers and layers of one site. Consumers find the layers as
 * `this.channelLayer`; anything else imports the layer from the module that made it.
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
