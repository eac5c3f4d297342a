/**
 * Channel layers: the interface, the layer in memory, and what a layer of your own is made of.
 * @module tideway/layer
 */

export { TidewayError } from '../errors/tideway-error.ts'
export { BaseChannelLayer, channelLayerDefaults, type ChannelLayerOptions } from './base-channel-layer.ts'
export { Capacities, DEFAULT_CAPACITY, type ChannelCapacity } from './capacity.ts'
export type {
  ChannelLayer,
  ChannelLayerStats,
  ChannelReceiver,
  Delivery,
  DropReason,
  GroupSendOptions,
  LayerFinding,
  Message,
  ReceiveOptions,
} from './channel-layer.ts'
export { ChannelFullError, MessageTooLargeError } from './errors.ts'
export { groupName } from './group-name.ts'
export { InMemoryChannelLayer } from './in-memory-channel-layer.ts'
export { LocalChannels, type LocalChannelsOptions } from './local-channels.ts'
export { Mailbox, type OverflowPolicy } from './mailbox.ts'
export { copyMessage, DEFAULT_MAX_MESSAGE_BYTES } from './message.ts'
export {
  isChannelName,
  isGroupName,
  MAX_NAME_LENGTH,
  nonLocalName,
  requireChannelName,
  requireGroupName,
} from './names.ts'
export { TurnQueue } from './turn-queue.ts'
