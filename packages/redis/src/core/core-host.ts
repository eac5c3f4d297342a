import type { Redis } from 'ioredis'

import type { HostAddress } from '../connection/host-address.ts'
import { HostWatch } from '../layer/host-watch.ts'
import type { LayerEvents } from '../layer/layer-events.ts'
import type { FullConnectionSettings } from '../connection/connection-settings.ts'
import { QueueReader, READ_BLOCK_MS, type QueueSource } from './queue-reader.ts'
import { RedisConnection } from '../connection/redis-connection.ts'
import type { RedisScript, ScriptArgument } from '../connection/redis-script.ts'
import { removeKeys } from '../connection/remove-keys.ts'
import { coreScripts } from './scripts/core-scripts.ts'

/** The callbacks of a host to its layer. */
export interface CoreListener extends QueueSource {
  /** Writes the memberships of the process again, before a new connection counts as up. */
  restore(client: Redis): Promise<void>
  /** The connection that receives is back. Messages that Redis removed from the queue at the loss may be missing. */
  onMissed(): void
  /** The server was a master and is now a replica. The last messages sent to it may be missing at the new master. */
  onDemoted(): void
}

/** One Redis server for the core layer: one connection blocks on the queues, the other sends commands. */
export class CoreHost {
  readonly label: string
  readonly #watch: HostWatch
  readonly #commands: RedisConnection
  readonly #blocking: RedisConnection
  readonly #reader: QueueReader

  constructor(address: HostAddress, settings: FullConnectionSettings, events: LayerEvents, listener: CoreListener) {
    this.label = address.label
    const watch = new HostWatch(address.label, events, () => listener.onMissed())
    this.#watch = watch
    this.#commands = new RedisConnection(address, { name: 'commands' }, settings, {
      async prepare(client) {
        await Promise.all(coreScripts.map((script) => script.load(client)))
        await listener.restore(client)
      },
      onUp: () => watch.up('commands'),
      onDown: (error) => watch.down('commands', false, error),
      onDemoted: () => {
        watch.dropped()
        listener.onDemoted()
        this.#blocking.drop()
      },
    })
    this.#blocking = new RedisConnection(address, { name: 'reader', blocksForMs: READ_BLOCK_MS }, settings, {
      prepare: (client) => this.#reader.prepare(client),
      onUp: () => {
        watch.up('reader')
        this.#reader.start()
      },
      onDown: (error) => watch.down('reader', true, error),
    })
    this.#reader = new QueueReader(this.#blocking, this.#commands, listener)
  }

  get reconnects(): number {
    return this.#watch.reconnects
  }

  get isUp(): boolean {
    return this.#commands.isUp
  }

  get wasUp(): boolean {
    return this.#commands.wasUp && this.#blocking.wasUp
  }

  open(): void {
    this.#commands.open()
    this.#blocking.open()
  }

  async ready(): Promise<void> {
    this.open()
    await Promise.all([this.#commands.whenUp(), this.#blocking.whenUp()])
  }

  /** A message was dropped because it could not be queued. */
  dropped(): void {
    this.#watch.dropped()
  }

  run(script: RedisScript, keys: readonly string[], args: readonly ScriptArgument[]): Promise<unknown> {
    return this.#commands.command((client) => script.run(client, keys, args))
  }

  async removeKeys(patterns: readonly string[], keys: readonly string[]): Promise<void> {
    if (keys.length > 0) await this.#commands.command((client) => client.unlink(...keys))
    for (const pattern of patterns) await removeKeys(this.#commands, pattern)
  }

  /** The queues to read from have changed. */
  queuesChanged(): void {
    this.#reader.wake()
  }

  /** @param last runs after the reading connection has closed */
  async close(last: () => Promise<unknown>): Promise<void> {
    await this.#blocking.close()
    if (this.#commands.isUp) await last().catch(() => {})
    await this.#commands.close()
  }
}
