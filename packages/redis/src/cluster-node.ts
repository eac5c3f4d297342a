import type { HostAddress } from './host-address.ts'
import type { HostWatch } from './host-watch.ts'
import type { FullConnectionSettings } from './layer-options.ts'
import type { PubSubListener } from './pub-sub-engine.ts'
import { RedisConnection } from './redis-connection.ts'
import { pubSubScripts } from './scripts/pub-sub-scripts.ts'

/** The oldest Redis with sharded pub/sub. */
const SHARDED_PUB_SUB_VERSION = 7

/** What a node asks of its cluster. */
export interface ClusterNodeOwner {
  readonly watch: HostWatch
  readonly listener: PubSubListener
  /** The node can be asked about the cluster. */
  up(): void
  /** Something about the cluster is not as it was thought to be. */
  changed(): void
}

/** One master of a Redis Cluster: a connection that listens to the shard channels of its slots, and one for the rest. */
export class ClusterNode {
  readonly key: string
  readonly commands: RedisConnection
  readonly subscriber: RedisConnection
  /** The shard channels of its slots that are subscribed to or about to be. */
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
      up: () => {
        watch.up(`${key} commands`)
        owner.up()
      },
      down: (error) => {
        watch.down(`${key} commands`, false, error)
        owner.changed()
      },
      demoted: () => {
        watch.dropped()
        listener.demoted()
        this.subscriber.drop()
      },
    })
    this.subscriber = new RedisConnection(address, { name: 'subscriber', ...roles }, settings, {
      prepare: async (client) => {
        // A channel whose slot has moved meanwhile is refused; it is subscribed elsewhere when that is known.
        const subscribed = [...this.channels].map((channel) => client.ssubscribe(channel).catch(() => owner.changed()))
        await Promise.all(subscribed)
      },
      up: () => {
        watch.up(`${key} subscriber`)
        listener.up()
      },
      down: (error) => {
        watch.down(`${key} subscriber`, true, error)
        owner.changed()
      },
    })
    this.subscriber.client.on('moved', () => owner.changed())
    this.subscriber.client.on('smessageBuffer', (channel: Buffer, bytes: Buffer) => {
      listener.message(channel.toString('latin1'), bytes)
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

  /** Ends the connections of a node that is no master any more: what was lost with it is not lost any more. */
  async close(): Promise<void> {
    await Promise.all([this.commands.close(), this.subscriber.close()])
    this.#watch.up(`${this.key} commands`)
    this.#watch.up(`${this.key} subscriber`)
  }
}
