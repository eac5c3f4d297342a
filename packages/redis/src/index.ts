/**
 * Channel layers and sessions over Redis.
 * @module @tideway/redis
 */

export { channelLayerFromEnvironment } from './environment.ts'
export type { ClusterHost, RedisHost, RedisServer, SentinelHost } from './connection/host-address.ts'
export type { RedisLayerEvents, RedisLayerListener } from './layer/layer-events.ts'
export { redisLayerDefaults, type RedisLayerOptions } from './layer/layer-options.ts'
export type { ConnectionSettings } from './connection/connection-settings.ts'
export type { MessageCodecOptions } from './codec/message-codec.ts'
export { RedisChannelLayer, type RedisChannelLayerOptions } from './core/redis-channel-layer.ts'
export type { RedisPubSubChannelLayerOptions } from './pub-sub/pub-sub-options.ts'
export { RedisPubSubChannelLayer } from './pub-sub/redis-pub-sub-channel-layer.ts'
export { RedisSessionStore, type RedisSessionStoreOptions, type SessionRedis } from './session/redis-session-store.ts'
export type { MessageSerializer } from './codec/serializer.ts'
