import { createHash } from 'node:crypto'

import type { Redis } from 'ioredis'

import { isReply } from './unavailable.ts'

/** What a script may be given. */
export type ScriptArgument = string | number | Buffer

/**
 * A Lua script that Redis keeps: sent whole once, by its SHA-1 from then on, and whole again when Redis has forgotten it.
 * Each script is a file of `scripts/` whose header names its keys, arguments and result.
 */
export class RedisScript {
  readonly lua: string
  readonly sha: string

  constructor(lua: string) {
    this.lua = lua.trim()
    this.sha = createHash('sha1').update(this.lua).digest('hex')
  }

  /** Sends the script ahead, so that the first run is not the one that waits. */
  async load(client: Redis): Promise<void> {
    await client.call('SCRIPT', 'LOAD', this.lua)
  }

  /** Texts in the result are Buffers. */
  async run(client: Redis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await client.callBuffer('EVALSHA', this.sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error
      return client.callBuffer('EVAL', this.lua, keys.length, ...keys, ...args)
    }
  }
}
