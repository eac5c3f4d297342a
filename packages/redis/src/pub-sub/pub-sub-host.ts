import type { HostAddress } from '../connection/host-address.ts'
import { HostWatch } from '../layer/host-watch.ts'
import type { LayerEvents } from '../layer/layer-events.ts'
import type { FullConnectionSettings } from '../connection/connection-settings.ts'
import type { PubSubEngine, PubSubListener } from './pub-sub-engine.ts'
import { RedisConnection } from '../connection/redis-connection.ts'
import type { Replicated, ReplicaWait, RedisScript, ScriptArgument } from '../connection/redis-script.ts'
import { removeKeys } from '../connection/remove-keys.ts'
import { pubSubScripts } from './scripts/pub-sub-scripts.ts'
import { Subscriptions } from './subscriptions.ts'

const EMPTY: Buffer = Buffer.alloc(0)

/** The initial subscriptions of a host. */
export interface HostSubscriptions {
  readonly channels: readonly string[]
  readonly patterns: readonly string[]
  /** Whether channel names in Redis contain the database number. channels_redis does not support such names. */
  readonly isolatesDatabases: boolean
  /** A channel of this process only: a message to it proves that the subscriber is alive. */
  readonly beacon: string
}

/** One Redis server, or one behind Sentinels, for pub/sub: one connection subscribes, the other sends commands. */
export class PubSubHost implements PubSubEngine {
  readonly label: string
  readonly publishCommand = 'PUBLISH'
  readonly #watch: HostWatch
  readonly #commands: RedisConnection
  readonly #subscriber: RedisConnection
  readonly #subscriptions = new Subscriptions()
  /** The prefix of channel names in Redis: the database, or empty. */
  readonly #database: string
  readonly #beacon: string
  #beaconIsBack: () => void = () => {}
  #awaitsBeacon = false

  constructor(
    address: HostAddress,
    { channels, patterns, beacon, isolatesDatabases }: HostSubscriptions,
    settings: FullConnectionSettings,
    events: LayerEvents,
    listener: PubSubListener,
  ) {
    this.label = address.label
    this.#database = isolatesDatabases ? databasePrefix(address.options.db) : ''
    this.#beacon = beacon
    for (const channel of [...channels, beacon]) this.#subscriptions.add(this.wireName(channel))
    for (const pattern of patterns) this.#subscriptions.addPattern(pattern)
    const watch = new HostWatch(address.label, events, () => listener.onMissed())
    this.#watch = watch
    this.#commands = new RedisConnection(address, { name: 'commands' }, settings, {
      async prepare(client) {
        await Promise.all(pubSubScripts.map((script) => script.load(client)))
      },
      onUp: () => watch.up('commands'),
      onDown: (error) => watch.down('commands', false, error),
      onDemoted: () => {
        watch.dropped()
        listener.onDemoted()
        // This server and the new master do not forward messages to each other's subscribers.
        this.#subscriber.drop()
      },
    })
    this.#subscriber = new RedisConnection(address, { name: 'subscriber' }, settings, {
      prepare: (client) => this.#subscriptions.restore(client),
      onUp: () => {
        for (const name of this.#subscriptions.outdated()) this.#unsubscribe(name)
        watch.up('subscriber')
        listener.onUp()
      },
      onDown: (error) => {
        if (this.#awaitsBeacon) watch.beaconMissed()
        this.#awaitsBeacon = false
        watch.down('subscriber', true, error)
      },
      probe: () => Promise.all([this.#subscriber.client.ping(), this.#sendBeacon()]),
    })
    this.#listen(listener)
  }

  get reconnects(): number {
    return this.#watch.reconnects
  }

  get beaconMisses(): number {
    return this.#watch.beaconMisses
  }

  get wasUp(): boolean {
    return this.#commands.wasUp && this.#subscriber.wasUp
  }

  get isUp(): boolean {
    return this.#commands.isUp && this.#subscriber.isUp
  }

  open(): void {
    this.#commands.open()
    this.#subscriber.open()
  }

  async ready(): Promise<void> {
    this.open()
    await Promise.all([this.#commands.whenUp(), this.#subscriber.whenUp()])
  }

  wireName(channel: string): string {
    return this.#database + channel
  }

  publish(channel: string, bytes: Buffer): Promise<number> {
    return this.#commands.command((client) => client.publish(this.wireName(channel), bytes))
  }

  dropped(): void {
    this.#watch.dropped()
  }

  async subscribe(channel: string): Promise<void> {
    const name = this.wireName(channel)
    this.#subscriptions.add(name)
    try {
      await this.#subscriber.command(async (client) => {
        // The channel may have been unsubscribed while this waited for the connection.
        if (this.#subscriptions.has(name)) await client.subscribe(name)
      })
    } catch (error) {
      this.#unsubscribe(name)
      throw error
    }
  }

  unsubscribe(channel: string): void {
    this.#unsubscribe(this.wireName(channel))
  }

  /** Resolves when the pattern is subscribed. It contains no database. */
  async subscribePattern(pattern: string): Promise<void> {
    if (!this.#subscriptions.addPattern(pattern)) return
    await this.#subscriber.command((client) => client.psubscribe(pattern))
  }

  run(script: RedisScript, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#commands.command((client) => script.run(client, keys, args))
  }

  runReplicated(
    script: RedisScript,
    keys: readonly string[],
    args: readonly ScriptArgument[],
    wait: ReplicaWait,
  ): Promise<Replicated> {
    return this.#commands.command((client) => script.runReplicated(client, keys, args, wait))
  }

  removeKeys(pattern: string): Promise<void> {
    return removeKeys(this.#commands, pattern)
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands.close(), this.#subscriber.close()])
  }

  /**
   * Publishes to the beacon. Resolves when the message has come back: a subscriber whose server lost its connection to the
   * master still answers PING, but receives nothing.
   */
  async #sendBeacon(): Promise<void> {
    if (!this.#commands.isUp) return
    const isBack = new Promise<void>((resolve) => {
      this.#beaconIsBack = () => {
        this.#awaitsBeacon = false
        resolve()
      }
    })
    this.#awaitsBeacon = true
    try {
      await this.publish(this.#beacon, EMPTY)
    } catch {
      // A failed publish proves nothing about the subscriber.
      this.#awaitsBeacon = false
      return
    }
    await isBack
  }

  #unsubscribe(name: string): void {
    this.#subscriptions.delete(name)
    // Without a connection there is nothing to unsubscribe: a reconnect restores only the current channels.
    if (this.#subscriber.isUp) this.#subscriber.command((client) => client.unsubscribe(name)).catch(() => {})
  }

  /** Forwards the messages of the subscriber to the listener. */
  #listen(listener: PubSubListener): void {
    const { client } = this.#subscriber
    const start = this.#database.length
    // Names are ASCII.
    client.on('messageBuffer', (name: Buffer, bytes: Buffer) => {
      const channel = name.toString('latin1', start)
      if (channel === this.#beacon) this.#beaconIsBack()
      else listener.onMessage(channel, bytes)
    })
    client.on('pmessageBuffer', (_pattern: string, name: Buffer, bytes: Buffer) => {
      listener.onMessage(name.toString('latin1'), bytes)
    })
  }
}

/** Never the start of a prefix: `requirePrefix` rejects it. */
function databasePrefix(db: number | undefined): string {
  return db === undefined || db === 0 ? '' : `db${db}/`
}
