import type { RedisScript, ScriptArgument } from './redis-script.ts'

/** What a pub/sub layer does with a Redis, be it one server or a cluster. */
export interface PubSubEngine {
  /** How messages and logs name it. */
  readonly label: string
  /** How often its connections were made again after a loss. */
  readonly reconnects: number
  /** The command by which scripts publish. */
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH'
  /** Whether it could ever be used: a mistake in the options shows before that. */
  readonly wasUp: boolean
  /** Whether it can be used at the moment. */
  readonly isUp: boolean
  /** Begins to connect, without waiting for it. */
  open(): void
  /** Resolves when it can be used. */
  ready(): Promise<void>
  /** The name of a channel in Redis, for scripts: it holds the number of the database, which Redis' pub/sub ignores. */
  wireName(channel: string): string
  /** The result is how many processes were listening. */
  publish(channel: string, bytes: Buffer): Promise<number>
  /** A message was dropped since it could not be published. */
  dropped(): void
  /** Resolves when messages to the channel are received. After a rejection they are not. */
  subscribe(channel: string): Promise<void>
  unsubscribe(channel: string): void
  /** Runs a script on the keys, which belong to one slot. */
  run(script: RedisScript, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>
  /** Removes all keys that match the pattern, without holding up others for long. */
  removeKeys(pattern: string): Promise<void>
  close(): Promise<void>
}

/** What an engine tells its layer. */
export interface PubSubListener {
  message(channel: string, bytes: Buffer): void
  /** Everything is subscribed: what waits in queues can be looked for. */
  up(): void
  /** What was published while a connection was lost did not come in. */
  missed(): void
  /** The server was a master and is a replica now: what was published last may have reached no client of the new master. */
  demoted(): void
}
