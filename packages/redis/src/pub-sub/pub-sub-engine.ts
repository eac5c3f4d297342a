import type { Replicated, ReplicaWait, RedisScript, ScriptArgument } from '../connection/redis-script.ts'

/** The Redis of a pub/sub layer: one server or a cluster. */
export interface PubSubEngine {
  /** The name in messages and logs. */
  readonly label: string
  /** The number of reconnects after a loss. */
  readonly reconnects: number
  /** The number of losses of a subscriber that did not receive the message of its heartbeat. */
  readonly beaconMisses: number
  /** The command that scripts publish with. */
  readonly publishCommand: 'PUBLISH' | 'SPUBLISH'
  /** Whether it was up at least once. A mistake in the options shows before that. */
  readonly wasUp: boolean
  /** Whether all its connections are up. */
  readonly isUp: boolean
  /** Starts to connect and returns at once. */
  open(): void
  /** Resolves when all its connections are up. */
  ready(): Promise<void>
  /** The name of a channel in Redis, for scripts. It contains the database number, because pub/sub of Redis ignores databases. */
  wireName(channel: string): string
  /** Resolves with the number of subscribers that Redis sent the message to. */
  publish(channel: string, bytes: Buffer): Promise<number>
  /** A message was dropped because it could not be published. */
  dropped(): void
  /** Resolves when the channel is subscribed. After a rejection it is not. */
  subscribe(channel: string): Promise<void>
  unsubscribe(channel: string): void
  /** Runs a script on keys of one slot. */
  run(script: RedisScript, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown>
  /** Runs a script on keys of one slot, and waits until replicas have its writes. */
  runReplicated(
    script: RedisScript,
    keys: readonly string[],
    args: readonly ScriptArgument[],
    wait: ReplicaWait,
  ): Promise<Replicated>
  /** Removes all keys that match the pattern, in small steps that do not block other clients. */
  removeKeys(pattern: string): Promise<void>
  close(): Promise<void>
}

/** The callbacks of an engine to its layer. */
export interface PubSubListener {
  onMessage(channel: string, bytes: Buffer): void
  /** All channels are subscribed, so queues can be fetched. */
  onUp(): void
  /** A receiving connection is back. Messages published during the loss are missing. */
  onMissed(): void
  /** The server was a master and is now a replica. The last messages may not have reached clients of the new master. */
  onDemoted(): void
}
