import type { LogWithPresence } from 'tideway/layer/contract'

import { RedisChannelLayer, RedisPubSubChannelLayer, type RedisPubSubChannelLayerOptions } from '../../src/index.ts'

/** The log of a layer. */
export interface LayerLog extends LogWithPresence {
  readonly layer: RedisPubSubChannelLayer | RedisChannelLayer
  readonly options: RedisPubSubChannelLayerOptions
}

class PubSub extends RedisPubSubChannelLayer {
  get eventLog(): LogWithPresence {
    return this.log
  }
}

class Core extends RedisChannelLayer {
  get eventLog(): LogWithPresence {
    return this.log
  }
}

/** The layers, by their names. */
export const kinds = { RedisPubSubChannelLayer: PubSub, RedisChannelLayer: Core } as const

/** The name of a layer. */
export type Kind = keyof typeof kinds

/** Makes a layer and returns its log. */
export function logOf(kind: Kind, options: RedisPubSubChannelLayerOptions): LayerLog {
  const settings = { heartbeatIntervalMs: 1000, maxReconnectDelayMs: 200 }
  const layer = new kinds[kind]({ ...settings, ...options })
  const log = layer.eventLog
  return {
    layer,
    options,
    answers: log.answers,
    presence: log.presence,
    append: (...call) => log.append(...call),
    send: (...call) => log.send(...call),
    read: (...call) => log.read(...call),
    set: (...call) => log.set(...call),
    values: (...call) => log.values(...call),
    watch: (...call) => log.watch(...call),
    unwatch: (group) => log.unwatch(group),
    onGap: (listener) => log.onGap(listener),
  }
}
