import { createHash } from 'node:crypto'

import type { Redis } from 'ioredis'

import { isReply } from './redis-errors.ts'

/** An argument of a script. */
export type ScriptArgument = string | number | Buffer

/** A wait for replicas after a script. */
export interface ReplicaWait {
  /** The number of replicas. */
  readonly replicas: number
  /** The maximum time of the wait, in milliseconds. */
  readonly waitMs: number
}

/** The result of a script and of the wait for replicas after it. */
export interface Replicated {
  readonly reply: unknown
  /** The number of replicas that have the writes of the script. */
  readonly replicas: number
}

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

  /** Runs the script, and waits until replicas have its writes. */
  async runReplicated(
    client: Redis,
    keys: readonly string[],
    args: readonly ScriptArgument[],
    wait: ReplicaWait,
  ): Promise<Replicated> {
    // WAIT counts the writes of its own connection: it is sent together with the script, so no reconnect comes between them.
    const send = async (...script: [string, string]): Promise<Replicated> => {
      const replies = [
        client.callBuffer(...script, keys.length, ...keys, ...args),
        client.wait(wait.replicas, wait.waitMs),
      ] as const
      const [reply, replicas] = await Promise.all(replies)
      return { reply, replicas }
    }
    try {
      return await send('EVALSHA', this.sha)
    } catch (error) {
      if (!isReply(error) || !error.message.startsWith('NOSCRIPT')) throw error
      return send('EVAL', this.lua)
    }
  }
}
