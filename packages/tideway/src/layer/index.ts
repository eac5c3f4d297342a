/**
 * Channel layers: the interface, the layer in memory, and the errors and names that applications meet.
 * @module tideway/layer
 */

export { channelLayerDefaults, type ChannelLayerOptions } from './base-channel-layer.ts'
export type { ChannelCapacity } from './capacity.ts'
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
export { isChannelName, isGroupName } from './names.ts'
export type { Appended, LogEntry, ReadResult } from './log/event-log.ts'
export {
  historyDefaults,
  keepDefaults,
  keptGroupsDefaults,
  type DeleteOptions,
  type History,
  type HistoryOptions,
  type Keep,
  type KeptGroupsOptions,
  type PublishOptions,
  type SetValueOptions,
} from './log/kept-groups-options.ts'
export { presenceDefaults, type PresenceOptions, type ResolvedPresenceOptions } from './presence/presence-options.ts'
export type { EventTracing, TracedDelivery } from './log/event-tracing.ts'
export type { Durations } from './log/histogram.ts'
export type { FollowedGroup } from './log/followed-group.ts'
export type { KeptGroupsStats } from './log/log-stats.ts'
export type { PresenceStats } from './presence/presence.ts'
export { formatPosition, parsePosition, type EpochStart, type LostReason, type Position } from './log/position.ts'
