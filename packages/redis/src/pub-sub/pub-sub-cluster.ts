import type { RedisOptions } from 'ioredis'

import { ClusterNode } from './cluster-node.ts'
import { SLOTS, slotOf } from './cluster-slot.ts'
import { addressLabel, parseCluster, type ClusterHost } from '../connection/host-address.ts'
import { HostWatch } from '../layer/host-watch.ts'
import type { LayerEvents } from '../layer/layer-events.ts'
import type { FullConnectionSettings } from '../connection/connection-settings.ts'
import type { PubSubEngine, PubSubListener } from './pub-sub-engine.ts'
import type { RedisConnection } from '../connection/redis-connection.ts'
import type { Replicated, ReplicaWait, RedisScript, ScriptArgument } from '../connection/redis-script.ts'
import { removeKeys } from '../connection/remove-keys.ts'
import { replyOf, unavailable } from '../connection/redis-errors.ts'

/** Maximum number of retries of a command whose slot has moved. */
const MAX_REDIRECTIONS = 3

/** The interval of topology requests while a part of the cluster is unreachable, in milliseconds. */
const LOOK_AGAIN_MS = 250

/** One line of CLUSTER SLOTS: first slot, last slot, the master, its replicas. */
type SlotRange = readonly [number, number, readonly [host: string | null, port: number, ...unknown[]], ...unknown[]]

/**
 * A Redis Cluster for pub/sub. Every group and process has a shard channel, which only one node serves. Opens two
 * connections to each master.
 */
export class PubSubCluster implements PubSubEngine {
  readonly label: string
  readonly publishCommand = 'SPUBLISH'
  readonly #seeds: readonly string[]
  readonly #options: RedisOptions
  readonly #settings: FullConnectionSettings
  readonly #watch: HostWatch
  readonly #listener: PubSubListener
  readonly #nodes = new Map<string, ClusterNode>()
  readonly #slots: (ClusterNode | undefined)[] = Array.from({ length: SLOTS }, () => undefined)
  readonly #wanted: Set<string>
  readonly #beacon: string
  /** The beacons of the nodes. */
  readonly #beacons = new Map<ClusterNode, string>()
  #looking: Promise<void> | undefined
  #lookAgain: NodeJS.Timeout | undefined
  #isKnown = false
  #isClosed = false

  /**
   * @param channels the channels to subscribe from the first connect on
   * @param beacon the start of the names of channels of this process only: messages to them prove that the subscribers are alive
   */
  constructor(
    host: ClusterHost,
    channels: readonly string[],
    beacon: string,
    settings: FullConnectionSettings,
    events: LayerEvents,
    listener: PubSubListener,
  ) {
    const nodes = parseCluster(host)
    this.#seeds = nodes.map(({ options }) => `${options.host}:${options.port}`)
    this.label = `cluster:${this.#seeds[0]}`
    this.#options = nodes[0]!.options
    this.#settings = settings
    this.#watch = new HostWatch(this.label, events, () => listener.onMissed())
    this.#listener = listener
    this.#wanted = new Set(channels)
    this.#beacon = beacon
  }

  get reconnects(): number {
    return this.#watch.reconnects
  }

  get beaconMisses(): number {
    return this.#watch.beaconMisses
  }

  get wasUp(): boolean {
    return this.#isKnown && [...this.#nodes.values()].every((node) => node.commands.wasUp && node.subscriber.wasUp)
  }

  get isUp(): boolean {
    const isUp = ({ commands, subscriber }: ClusterNode): boolean => commands.isUp && subscriber.isUp
    return this.#isKnown && [...this.#nodes.values()].every(isUp)
  }

  open(): void {
    if (this.#nodes.size > 0 || this.#isClosed) return
    for (const seed of this.#seeds) this.#node(seed).commands.open()
  }

  async ready(): Promise<void> {
    await this.#whenKnown()
    await Promise.all(Array.from(this.#nodes.values(), (node) => node.ready()))
  }

  /** A cluster has one database. */
  wireName(channel: string): string {
    return channel
  }

  publish(channel: string, bytes: Buffer): Promise<number> {
    return this.#atSlot(slotOf(channel), (node) =>
      node.commands.command((client) => client.spublish(channel, bytes) as Promise<number>),
    )
  }

  dropped(): void {
    this.#watch.dropped()
  }

  async subscribe(channel: string): Promise<void> {
    this.#wanted.add(channel)
    try {
      await this.#atSlot(slotOf(channel), async (node) => {
        if (this.#wanted.has(channel)) await node.subscribe(channel)
      })
    } catch (error) {
      this.unsubscribe(channel)
      throw error
    }
  }

  unsubscribe(channel: string): void {
    this.#wanted.delete(channel)
    this.#slots[slotOf(channel)]?.unsubscribe(channel)
  }

  run(script: RedisScript, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#atSlot(slotOf(keys[0]!), (node) => node.commands.command((client) => script.run(client, keys, args)))
  }

  runReplicated(
    script: RedisScript,
    keys: readonly string[],
    args: readonly ScriptArgument[],
    wait: ReplicaWait,
  ): Promise<Replicated> {
    return this.#atSlot(slotOf(keys[0]!), (node) =>
      node.commands.command((client) => script.runReplicated(client, keys, args, wait)),
    )
  }

  async removeKeys(pattern: string): Promise<void> {
    await this.#whenKnown()
    await Promise.all(
      Array.from(this.#nodes.values(), ({ commands }) => removeKeys(commands, pattern, { oneByOne: true })),
    )
  }

  async close(): Promise<void> {
    this.#isClosed = true
    clearTimeout(this.#lookAgain)
    await Promise.all(Array.from(this.#nodes.values(), (node) => node.close()))
  }

  /** Calls `act` with the node of a slot, and again with another node if the slot has moved. */
  async #atSlot<Result>(slot: number, act: (node: ClusterNode) => Promise<Result>): Promise<Result> {
    if (!this.#isKnown) await this.#whenKnown()
    for (let attempt = 1; ; attempt++) {
      const node = this.#slots[slot]
      if (node === undefined) throw unavailable(this.label, `has no node for slot ${slot} at the moment`)
      try {
        return await act(node)
      } catch (error) {
        if (!/^(MOVED|ASK|TRYAGAIN)/.test(replyOf(error)) || attempt > MAX_REDIRECTIONS) throw error
        await this.#look()
      }
    }
  }

  async #whenKnown(): Promise<void> {
    if (this.#isKnown) return
    this.open()
    try {
      await Promise.any(Array.from(this.#nodes.values(), (node) => node.commands.whenUp()))
    } catch (error) {
      throw (error as AggregateError).errors[0]
    }
    await this.#look()
    if (!this.#isKnown) throw unavailable(this.label, 'does not list its nodes')
  }

  #node(key: string): ClusterNode {
    const existing = this.#nodes.get(key)
    if (existing !== undefined) return existing
    const colon = key.lastIndexOf(':')
    const options = { ...this.#options, host: key.slice(0, colon), port: Number(key.slice(colon + 1)) }
    const node = new ClusterNode(key, { label: addressLabel(options), options }, this.#settings, {
      watch: this.#watch,
      listener: this.#listener,
      beaconOf: (one) => this.#beaconOf(one),
      // Calls that wait for the cluster report the error.
      onUp: () => void this.#look().catch(() => {}),
      onChanged: () => this.#lookSoon(),
    })
    this.#nodes.set(key, node)
    return node
  }

  /** Returns a channel in a slot of the node: the one that the node has, as long as the slot does not move. */
  #beaconOf(node: ClusterNode): string | undefined {
    if (!this.#slots.includes(node)) return undefined
    let beacon = this.#beacons.get(node)
    for (let number = 0; beacon === undefined || this.#slots[slotOf(beacon)] !== node; number++) {
      beacon = `${this.#beacon}:{${number}}`
    }
    this.#beacons.set(node, beacon)
    return beacon
  }

  /** Requests the topology until all nodes are up. */
  #lookSoon(): void {
    if (this.#isClosed) return
    this.#lookAgain ??= setTimeout(() => {
      this.#lookAgain = undefined
      const looked = this.#look().catch(() => {})
      void looked.then(() => {
        if (!this.isUp) this.#lookSoon()
      })
    }, LOOK_AGAIN_MS).unref()
  }

  /** Requests the slots of all nodes. Concurrent calls share one request. */
  #look(): Promise<void> {
    this.#looking ??= this.#ask().finally(() => {
      this.#looking = undefined
    })
    return this.#looking
  }

  async #ask(): Promise<void> {
    for (const node of this.#nodes.values()) {
      if (!node.commands.isUp || this.#isClosed) continue
      try {
        const ranges = await node.commands.command((client) => client.cluster('SLOTS'))
        await this.#apply(ranges as unknown as readonly SlotRange[], node)
        return
      } catch (error) {
        if (replyOf(error).includes('cluster support disabled')) throw noCluster(node.commands, error)
        // Tries the next node.
      }
    }
  }

  async #apply(ranges: readonly SlotRange[], asked: ClusterNode): Promise<void> {
    if (ranges.length === 0 || this.#isClosed) return
    const host = asked.key.slice(0, asked.key.lastIndexOf(':'))
    const masters = new Set<ClusterNode>()
    const before = new Map([...this.#wanted].map((channel) => [channel, this.#slots[slotOf(channel)]]))
    this.#slots.fill(undefined)
    for (const [first, last, [name, port]] of ranges) {
      // A node without an announced name has the address by which it was reached.
      const node = this.#node(`${name === null || name === '' ? host : name}:${port}`)
      masters.add(node)
      this.#slots.fill(node, first, last + 1)
    }
    this.#isKnown = true
    for (const node of masters) node.open()
    const moved = Array.from(before, ([channel, old]) => this.#move(channel, old))
    await Promise.all(moved)
    for (const node of [...this.#nodes.values()].filter((node) => !masters.has(node))) {
      this.#nodes.delete(node.key)
      this.#beacons.delete(node)
      await node.close()
    }
  }

  async #move(channel: string, old: ClusterNode | undefined): Promise<void> {
    const node = this.#slots[slotOf(channel)]
    if (node === old) return
    old?.channels.delete(channel)
    // A node that is not up yet subscribes to all its channels when it is.
    if (node !== undefined) {
      node.channels.add(channel)
      if (node.subscriber.isUp) await node.subscribe(channel).catch(() => this.#lookSoon())
      else await node.subscriber.whenUp().catch(() => {})
    }
    // Between the two subscriptions the channel was not subscribed. Called after the second one, because the listener reads logs.
    if (old !== undefined) this.#listener.onMissed()
  }
}

function noCluster(connection: RedisConnection, cause: unknown): Error {
  return unavailable(connection.label, 'is not a node of a Redis Cluster: give it in hosts', cause)
}
