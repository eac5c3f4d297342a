import { InMemoryChannelLayer, type ChannelLayer } from 'tideway'

declare global {
  var chatLayer: ChannelLayer | undefined
}

/**
 * The layer that consumers and route handlers share. Next bundles the handlers, and so has a copy of this module: what they
 * share is the process. Over several processes take a layer of `@tideway/redis`.
 */
export const layer: ChannelLayer = (globalThis.chatLayer ??= new InMemoryChannelLayer())
