import type { Redis } from 'ioredis'

import type { HostAddress } from './host-address.ts'
import { HostWatch } from './host-watch.ts'
import type { LayerEvents } from './layer-events.ts'
import type { FullConnectionSettings } from './layer-options.ts'
import type { PubSubEngine, PubSubListener } from './pub-sub-engine.ts'
import { RedisConnection } from './redis-connection.ts'
import type { RedisScript, ScriptArgument } from './redis-script.ts'
import { removeKeys } from './remove-keys.ts'
import { pubSubScripts } from './scripts/pub-sub-scripts.ts'
import { Subscriptions } from './subscriptions.ts'

/** One Redis server, or one behind Sentinels, for pub/sub: a connection that listens and one that does all the rest. */
export class PubSubHost implements PubSubEngine {
  readonly label: string
  readonly hasPatterns = true
  readonly #watch: HostWatch
  readonly #commands: RedisConnection
  readonly #subscriber: RedisConnection
  readonly #subscriptions = new Subscriptions()

  /** @param patterns what the layer listens to from the first connect on */
  constructor(
    address: HostAddress,
    patterns: readonly string[],
    settings: FullConnectionSettings,
    events: LayerEvents,
    listener: PubSubListener,
  ) {
    this.label = address.label
    for (const pattern of patterns) this.#subscriptions.addPattern(pattern)
    const watch = new HostWatch(address.label, events)
    this.#watch = watch
    this.#commands = new RedisConnection(address, { name: 'commands' }, settings, {
      async prepare(client) {
        await Promise.all(pubSubScripts.map((script) => script.load(client)))
      },
      up: () => watch.up('commands'),
      down: (error) => watch.down('commands', false, error),
    })
    this.#subscriber = new RedisConnection(address, { name: 'subscriber' }, settings, {
      prepare: (client) => this.#subscriptions.restore(client),
      up: () => {
        for (const channel of this.#subscriptions.outdated()) this.unsubscribe(channel)
        watch.up('subscriber')
        listener.up()
      },
      down: (error) => watch.down('subscriber', true, error),
    })
    listen(this.#subscriber.client, listener)
  }

  get reconnects(): number {
    return this.#watch.reconnects
  }

  get wasUp(): boolean {
    return this.#commands.wasUp && this.#subscriber.wasUp
  }

  open(): void {
    this.#commands.open()
    this.#subscriber.open()
  }

  async ready(): Promise<void> {
    this.open()
    await Promise.all([this.#commands.whenUp(), this.#subscriber.whenUp()])
  }

  publish(channel: string, bytes: Buffer): Promise<number> {
    return this.#commands.command((client) => client.publish(channel, bytes))
  }

  async subscribe(channel: string): Promise<void> {
    this.#subscriptions.add(channel)
    try {
      await this.#subscriber.command(async (client) => {
        // It may have been left while this waited for the connection.
        if (this.#subscriptions.has(channel)) await client.subscribe(channel)
      })
    } catch (error) {
      this.unsubscribe(channel)
      throw error
    }
  }

  unsubscribe(channel: string): void {
    this.#subscriptions.delete(channel)
    // While it is down there is nothing to leave: what is restored is what is wanted then.
    if (this.#subscriber.isUp) this.#subscriber.command((client) => client.unsubscribe(channel)).catch(() => {})
  }

  async subscribePattern(pattern: string): Promise<void> {
    if (!this.#subscriptions.addPattern(pattern)) return
    await this.#subscriber.command((client) => client.psubscribe(pattern))
  }

  run(script: RedisScript, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#commands.command((client) => script.run(client, keys, args))
  }

  removeKeys(pattern: string): Promise<void> {
    return this.#commands.command((client) => removeKeys(client, pattern))
  }

  async close(): Promise<void> {
    await Promise.all([this.#commands.close(), this.#subscriber.close()])
  }
}

/** Hands on what a subscribed connection receives. */
function listen(client: Redis, listener: PubSubListener): void {
  // Names are ASCII.
  client.on('messageBuffer', (channel: Buffer, bytes: Buffer) => listener.message(channel.toString('latin1'), bytes))
  client.on('pmessageBuffer', (_pattern: string, channel: Buffer, bytes: Buffer) => {
    listener.message(channel.toString('latin1'), bytes)
  })
}
