import type { HostAddress } from '../connection/host-address.ts'
import type { HostWatch } from '../layer/host-watch.ts'
import type { FullConnectionSettings } from '../connection/connection-settings.ts'
import type { PubSubListener } from './pub-sub-engine.ts'
import { RedisConnection } from '../connection/redis-connection.ts'
import { pubSubScripts } from './scripts/pub-sub-scripts.ts'

/** The oldest Redis with sharded pub/sub. */
const SHARDED_PUB_SUB_VERSION = 7

/** The callbacks of a node to its cluster. */
export interface ClusterNodeOwner {
  readonly watch: HostWatch
  readonly listener: PubSubListener
  /** The node accepts commands, CLUSTER SLOTS among them. */
  onUp(): void
  /** The known slots are outdated, or a connection was lost. */
  onChanged(): void
}

/** One master of a Redis Cluster: one connection subscribes to the shard channels of its slots, the other sends commands. */
export class ClusterNode {
  readonly key: string
  readonly commands: RedisConnection
  readonly subscriber: RedisConnection
  /** The shard channels of its slots that are subscribed or being subscribed. */
  readonly channels: Set<string> = new Set()
  readonly #watch: HostWatch

  constructor(key: string, address: HostAddress, settings: FullConnectionSettings, owner: ClusterNodeOwner) {
    this.key = key
    const { watch, listener } = owner
    this.#watch = watch
    const roles = { oldestVersion: SHARDED_PUB_SUB_VERSION }
    this.commands = new RedisConnection(address, { name: 'commands', ...roles }, settings, {
      async prepare(client) {
        await Promise.all(pubSubScripts.map((script) => script.load(client)))
      },
      onUp: () => {
        watch.up(`${key} commands`)
        owner.onUp()
      },
      onDown: (error) => {
        watch.down(`${key} commands`, false, error)
        owner.onChanged()
      },
      onDemoted: () => {
        watch.dropped()
        listener.onDemoted()
        this.subscriber.drop()
      },
    })
    this.subscriber = new RedisConnection(address, { name: 'subscriber', ...roles }, settings, {
      prepare: async (client) => {
        // Redis rejects a channel whose slot has moved. The cluster subscribes it at the new node after the next look.
        const subscribed = [...this.channels].map((channel) =>
          client.ssubscribe(channel).catch(() => owner.onChanged()),
        )
        await Promise.all(subscribed)
      },
      onUp: () => {
        watch.up(`${key} subscriber`)
        listener.onUp()
      },
      onDown: (error) => {
        watch.down(`${key} subscriber`, true, error)
        owner.onChanged()
      },
    })
    this.subscriber.client.on('moved', () => owner.onChanged())
    this.subscriber.client.on('smessageBuffer', (channel: Buffer, bytes: Buffer) => {
      listener.onMessage(channel.toString('latin1'), bytes)
    })
  }

  open(): void {
    this.commands.open()
    this.subscriber.open()
  }

  async ready(): Promise<void> {
    await Promise.all([this.commands.whenUp(), this.subscriber.whenUp()])
  }

  async subscribe(channel: string): Promise<void> {
    this.channels.add(channel)
    await this.subscriber.command(async (client) => {
      if (this.channels.has(channel)) await client.ssubscribe(channel)
    })
  }

  unsubscribe(channel: string): void {
    this.channels.delete(channel)
    if (this.subscriber.isUp) this.subscriber.command((client) => client.sunsubscribe(channel)).catch(() => {})
  }

  /** Closes the connections of a node that is no longer a master, and removes them from the lost connections of the host. */
  async close(): Promise<void> {
    await Promise.all([this.commands.close(), this.subscriber.close()])
    this.#watch.up(`${this.key} commands`)
    this.#watch.up(`${this.key} subscriber`)
  }
}
