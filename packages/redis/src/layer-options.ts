import type { ChannelLayerOptions } from 'tideway/layer'
import { TidewayError } from 'tideway/layer/kit'

import type { RedisHost } from './host-address.ts'
import type { MessageCodecOptions } from './message-codec.ts'

/** Options that both Redis layers have: those of channels_redis, in camelCase, and how connections are kept. */
export interface RedisLayerOptions extends ChannelLayerOptions, MessageCodecOptions, ConnectionSettings {
  /**
   * The Redis servers. Several are client-side shards: every process needs the same ones in the same order.
   * @default ['redis://localhost:6379']
   */
  readonly hosts?: readonly RedisHost[] | undefined
  /**
   * What the names of all keys and Redis channels begin with. Applications that share a database need prefixes none of which
   * begins with another one: the core layer's key of the channel `2jobs` under `asgi` is that of `jobs` under `asgi2`.
   * @default 'asgi'
   */
  readonly prefix?: string | undefined
}

/** How connections to Redis are made, watched and made again. */
export interface ConnectionSettings {
  /** How long the first connect may take before calls are rejected, in milliseconds. @default 10000 */
  readonly connectTimeoutMs?: number | undefined
  /** How long Redis may take to answer a command, in milliseconds. @default 5000 */
  readonly commandTimeoutMs?: number | undefined
  /** Every how many milliseconds a connection is asked whether it is alive; it has as long to answer. @default 3000 */
  readonly heartbeatIntervalMs?: number | undefined
  /** The longest pause between two attempts to connect again, in milliseconds; they begin at 50. @default 5000 */
  readonly maxReconnectDelayMs?: number | undefined
  /**
   * How long `send`, `groupAdd` and `groupSend` wait for a Redis that is gone, in milliseconds. Then `send` and `groupAdd`
   * reject, and `groupSend` drops the message. 0: they do not wait. @default 1000
   */
  readonly waitWhileDownMs?: number | undefined
}

/** {@link ConnectionSettings} with nothing left out. */
export type FullConnectionSettings = { readonly [Key in keyof ConnectionSettings]-?: number }

/** The defaults of {@link RedisLayerOptions}. */
export const redisLayerDefaults: FullConnectionSettings & { readonly prefix: string } = Object.freeze({
  prefix: 'asgi',
  connectTimeoutMs: 10_000,
  commandTimeoutMs: 5000,
  heartbeatIntervalMs: 3000,
  maxReconnectDelayMs: 5000,
  waitWhileDownMs: 1000,
})

/** @throws TidewayError `ERR_BAD_OPTION` */
export function connectionSettings(options: ConnectionSettings): FullConnectionSettings {
  return {
    connectTimeoutMs: milliseconds('connectTimeoutMs', options, 1),
    commandTimeoutMs: milliseconds('commandTimeoutMs', options, 1),
    heartbeatIntervalMs: milliseconds('heartbeatIntervalMs', options, 1),
    maxReconnectDelayMs: milliseconds('maxReconnectDelayMs', options, 1),
    waitWhileDownMs: milliseconds('waitWhileDownMs', options, 0),
  }
}

/** What `setTimeout` can count. */
const MAX_TIMER_MS = 2 ** 31 - 1

function milliseconds(name: keyof FullConnectionSettings, options: ConnectionSettings, least: number): number {
  const value = options[name] ?? redisLayerDefaults[name]
  if (Number.isFinite(value) && value >= least && value <= MAX_TIMER_MS) return value
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a number from ${least} to ${MAX_TIMER_MS}, not ${value}.`)
}

/** @throws TidewayError `ERR_BAD_OPTION` */
export function requirePrefix(prefix: string = redisLayerDefaults.prefix): string {
  if (typeof prefix !== 'string' || prefix.length > 100) {
    throw new TidewayError('ERR_BAD_OPTION', `prefix must be a string of at most 100 characters, not ${typeof prefix}.`)
  }
  if (!/^db\d+\//.test(prefix)) return prefix
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `prefix must not begin with "${prefix.split('/')[0]}/": the layer names databases so.`,
  )
}

/**
 * @param most the largest value that makes sense
 * @throws TidewayError `ERR_BAD_OPTION`
 */
export function positiveOption(name: string, value: number, most: number = MAX_TIMER_MS): number {
  if (Number.isInteger(value) && value >= 1 && value <= most) return value
  throw new TidewayError('ERR_BAD_OPTION', `${name} must be a whole number from 1 to ${most}, not ${value}.`)
}
