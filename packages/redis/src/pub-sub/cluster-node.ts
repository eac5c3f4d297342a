import type { HostAddress } from '../connection/host-address.ts'
import type { HostWatch } from '../layer/host-watch.ts'
import type { FullConnectionSettings } from '../connection/connection-settings.ts'
import type { PubSubListener } from './pub-sub-engine.ts'
import { RedisConnection } from '../connection/redis-connection.ts'
import { pubSubScripts } from './scripts/pub-sub-scripts.ts'

const EMPTY: Buffer = Buffer.alloc(0)

/** The oldest Redis with sharded pub/sub. */
const SHARDED_PUB_SUB_VERSION = 7

/** The callbacks of a node to its cluster. */
export interface ClusterNodeOwner {
  readonly watch: HostWatch
  readonly listener: PubSubListener
  /** A shard channel of this process in a slot of the node; `undefined` if the node has no slot. */
  beaconOf(node: ClusterNode): string | undefined
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
  readonly #owner: ClusterNodeOwner
  /** The subscribed shard channel that proves that the subscriber receives. */
  #beacon: string | undefined
  #beaconIsBack: () => void = () => {}
  #awaitsBeacon = false

  constructor(key: string, address: HostAddress, settings: FullConnectionSettings, owner: ClusterNodeOwner) {
    this.key = key
    const { watch, listener } = owner
    this.#owner = owner
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
        if (this.#awaitsBeacon) watch.beaconMissed()
        this.#awaitsBeacon = false
        watch.down(`${key} subscriber`, true, error)
        owner.onChanged()
      },
      probe: () => Promise.all([this.subscriber.client.ping(), this.#sendBeacon()]),
    })
    this.subscriber.client.on('moved', () => owner.onChanged())
    this.subscriber.client.on('smessageBuffer', (name: Buffer, bytes: Buffer) => {
      const channel = name.toString('latin1')
      if (channel === this.#beacon) this.#beaconIsBack()
      else listener.onMessage(channel, bytes)
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
    this.#owner.watch.up(`${this.key} commands`)
    this.#owner.watch.up(`${this.key} subscriber`)
  }

  /** Publishes to the beacon, as `PubSubHost` does. Resolves when the message has come back. */
  async #sendBeacon(): Promise<void> {
    const beacon = this.#owner.beaconOf(this)
    if (beacon === undefined || !this.commands.isUp) return
    const isBack = new Promise<void>((resolve) => {
      this.#beaconIsBack = () => {
        this.#awaitsBeacon = false
        resolve()
      }
    })
    this.#awaitsBeacon = true
    try {
      await this.#watchBeacon(beacon)
      await this.commands.command((client) => client.spublish(beacon, EMPTY))
    } catch {
      // A failed publish proves nothing about the subscriber. The slot may have moved.
      this.#awaitsBeacon = false
      return
    }
    await isBack
  }

  /** The beacon is another one after its slot has moved to another node. */
  async #watchBeacon(beacon: string): Promise<void> {
    if (beacon === this.#beacon) return
    if (this.#beacon !== undefined) this.unsubscribe(this.#beacon)
    this.#beacon = beacon
    await this.subscribe(beacon)
  }
}
