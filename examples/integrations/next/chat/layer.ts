import { InMemoryChannelLayer, type ChannelLayer } from 'tideway'

declare global {
  var chatLayer: ChannelLayer | undefined
}

/**
 * The channel layer of consumers and route handlers. Next bundles the handlers with a copy of this module, so both find the
 * layer in `globalThis`. For several processes use a layer of `@tideway/redis`.
 */
export const layer: ChannelLayer = (globalThis.chatLayer ??= new InMemoryChannelLayer())
