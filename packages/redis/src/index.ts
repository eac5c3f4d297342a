/**
 * Channel layers and sessions over Redis.
 * @module @tideway/redis
 */

export { channelLayerFromEnvironment } from './environment.ts'
export type { ClusterHost, RedisHost, RedisServer, SentinelHost } from './host-address.ts'
export type { RedisLayerEvents, RedisLayerListener } from './layer-events.ts'
export { redisLayerDefaults, type ConnectionSettings, type RedisLayerOptions } from './layer-options.ts'
export type { MessageCodecOptions } from './message-codec.ts'
export { RedisChannelLayer, type RedisChannelLayerOptions } from './redis-channel-layer.ts'
export type { RedisPubSubChannelLayerOptions } from './pub-sub-options.ts'
export { RedisPubSubChannelLayer } from './redis-pub-sub-channel-layer.ts'
export { RedisSessionStore, type RedisSessionStoreOptions, type SessionRedis } from './redis-session-store.ts'
export type { MessageSerializer } from './serializer.ts'
