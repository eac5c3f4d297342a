import { createHash } from 'node:crypto'

import type { Redis } from 'ioredis'

import { isReply } from './redis-errors.ts'

/** An argument of a script. */
export type ScriptArgument = string | number | Buffer

/**
 * A Lua script that Redis caches. Sends the text once and the SHA-1 afterwards, and the text again if Redis has lost it.
 * Each script is a file in a folder `scripts/` whose header names its keys, arguments and result.
 */
export class RedisScript {
  readonly lua: string
  readonly sha: string

  constructor(lua: string) {
    this.lua = lua.trim()
    this.sha = createHash('sha1').update(this.lua).digest('hex')
  }

  /** Loads the script into Redis before its first run. */
  async load(client: Redis): Promise<void> {
    await client.call('SCRIPT', 'LOAD', this.lua)
  }

  /** Runs the script. Strings in the result are Buffers. */
  async run(client: Redis, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    try {
      return await client.callBuffer('EVALSHA', this.sha, keys.length, ...keys, ...args)
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error
      return client.callBuffer('EVAL', this.lua, keys.length, ...keys, ...args)
    }
  }
}
