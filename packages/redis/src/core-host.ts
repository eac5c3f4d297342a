import type { Redis } from 'ioredis'

import type { HostAddress } from './host-address.ts'
import { HostWatch } from './host-watch.ts'
import type { LayerEvents } from './layer-events.ts'
import type { FullConnectionSettings } from './layer-options.ts'
import { QueueReader, READ_BLOCK_MS, type QueueSource } from './queue-reader.ts'
import { RedisConnection } from './redis-connection.ts'
import type { RedisScript, ScriptArgument } from './redis-script.ts'
import { removeKeys } from './remove-keys.ts'
import { coreScripts } from './scripts/core-scripts.ts'

/** What a host asks of its layer. */
export interface CoreListener extends QueueSource {
  /** A new connection is there: what the process is in has to be written again, if this is not the first. */
  restore(client: Redis): Promise<void>
  /** What was taken from the queue while the connection was lost did not come in. */
  missed(): void
  /** The server was a master and is a replica now: what it was sent last may be missing at the new master. */
  demoted(): void
}

/** One Redis server for the core layer: a connection that waits at the queues and one that does all the rest. */
export class CoreHost {
  readonly label: string
  readonly #watch: HostWatch
  readonly #commands: RedisConnection
  readonly #blocking: RedisConnection
  readonly #reader: QueueReader

  constructor(address: HostAddress, settings: FullConnectionSettings, events: LayerEvents, listener: CoreListener) {
    this.label = address.label
    const watch = new HostWatch(address.label, events, () => listener.missed())
    this.#watch = watch
    this.#commands = new RedisConnection(address, { name: 'commands' }, settings, {
      async prepare(client) {
        await Promise.all(coreScripts.map((script) => script.load(client)))
        await listener.restore(client)
      },
      up: () => watch.up('commands'),
      down: (error) => watch.down('commands', false, error),
      demoted: () => {
        watch.dropped()
        listener.demoted()
        this.#blocking.drop()
      },
    })
    this.#blocking = new RedisConnection(address, { name: 'reader', blocksForMs: READ_BLOCK_MS }, settings, {
      prepare: (client) => this.#reader.prepare(client),
      up: () => {
        watch.up('reader')
        this.#reader.start()
      },
      down: (error) => watch.down('reader', true, error),
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

  /** A message was dropped since it could not be queued. */
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

  /** The queues to wait at have changed. */
  queuesChanged(): void {
    this.#reader.wake()
  }

  /** @param last what is done when nothing is received any more */
  async close(last: () => Promise<unknown>): Promise<void> {
    await this.#blocking.close()
    if (this.#commands.isUp) await last().catch(() => {})
    await this.#commands.close()
  }
}
