import type { ChannelLayerOptions } from 'tideway/layer'
import { TidewayError } from 'tideway/layer/kit'

import {
  connectionDefaults,
  type ConnectionSettings,
  type FullConnectionSettings,
} from '../connection/connection-settings.ts'
import type { RedisHost } from '../connection/host-address.ts'
import type { MessageCodecOptions } from '../codec/message-codec.ts'

/** The options of both Redis layers: those of channels_redis in camelCase, and the connection settings. */
export interface RedisLayerOptions extends ChannelLayerOptions, MessageCodecOptions, ConnectionSettings {
  /**
   * The Redis servers. Several servers are client-side shards: every process needs the same servers in the same order.
   * @default ['redis://localhost:6379']
   */
  readonly hosts?: readonly RedisHost[] | undefined
  /**
   * The prefix of all keys and Redis channels. Applications that share a database need prefixes that do not begin with
   * each other: the core layer uses one key for the channel `2jobs` under `asgi` and the channel `jobs` under `asgi2`.
   * @default 'asgi'
   */
  readonly prefix?: string | undefined
}

/** The defaults of {@link RedisLayerOptions}. */
export const redisLayerDefaults: FullConnectionSettings & { readonly prefix: string } = Object.freeze({
  prefix: 'asgi',
  ...connectionDefaults,
})

/** @throws TidewayError `ERR_BAD_OPTION` */
export function requirePrefix(prefix: string = redisLayerDefaults.prefix): string {
  if (typeof prefix !== 'string' || prefix.length > 100) {
    throw new TidewayError('ERR_BAD_OPTION', `prefix must be a string of at most 100 characters, not ${typeof prefix}.`)
  }
  if (!/^db\d+\//.test(prefix)) return prefix
  throw new TidewayError(
    'ERR_BAD_OPTION',
    `prefix must not begin with "${prefix.split('/')[0]}/": the layer uses such prefixes for databases.`,
  )
}
