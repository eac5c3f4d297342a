import assert from 'node:assert/strict'

import type { LogEntry, Position, ReadResult } from 'tideway/layer'
import type { EventLog, ReadOptions } from 'tideway/layer/kit'

import { ArrayLog } from './array-log.ts'

/** The log keeps at least as many entries. */
export const SIZE = 10
/** The times of the log in milliseconds, so far apart that many of one are less than one of the next. */
export const TTL = { ids: 1e6, entries: 1e9, head: 1e12 } as const

const append = { size: SIZE, idTtlMs: TTL.ids, ttlMs: TTL.entries, headTtlMs: TTL.head } as const
const everything = { last: 10_000, maxEntries: 10_000, maxBytes: 1e9, headTtlMs: TTL.head } as const

/** One event to append. */
export interface Event {
  readonly body: string
  readonly id?: string | undefined
  readonly isVolatile?: boolean
}

/** Where a read begins, from what the log has at that time. */
export type SincePosition = (held: {
  readonly top: number
  readonly first: number
  readonly epochs: number
}) => Position

/** The log of a group in an engine, and its model. Each answer of the engine must be that of the model. */
export class ModelledLog {
  readonly model = new ArrayLog()
  readonly group: string
  readonly #log: EventLog
  /** The epochs of the engine, in the order of their begin. */
  readonly #names: string[] = []
  readonly #sent: string[] = []
  readonly #received: string[] = []

  private constructor(log: EventLog, group: string) {
    this.#log = log
    this.group = group
  }

  static async watched(log: EventLog, group: string): Promise<ModelledLog> {
    const modelled = new ModelledLog(log, group)
    await log.watch(group, {
      onEntry: (entry) => void modelled.#received.push(modelled.#textOf(entry)),
      onVolatile: (body) => void modelled.#received.push(`~${body}`),
    })
    return modelled
  }

  /** Appends and sends the events at the same time. */
  async appendAll(events: readonly Event[]): Promise<void> {
    const calls = events.map(({ body, id, isVolatile }) =>
      isVolatile === true ? this.#log.send(this.group, body) : this.#log.append(this.group, body, { ...append, id }),
    )
    const results = await Promise.all(calls)
    for (const [index, { body, id, isVolatile }] of events.entries()) {
      if (isVolatile === true) {
        this.#sent.push(`~${body}`)
        continue
      }
      const wanted = this.model.append(body, { id })
      const { position, duplicate } = results[index]!
      assert.deepEqual({ position: this.#renamed(position), duplicate }, wanted)
      if (!duplicate) this.#sent.push(this.#textOf({ ...position, body }))
    }
  }

  /** Reads everything that the log holds, and then as the options say. */
  async read(sinceOf: SincePosition | undefined, options: Omit<ReadOptions, 'headTtlMs' | 'since'>): Promise<void> {
    const all = this.#renamedRead(await this.#log.read(this.group, everything))
    const held = all.entries.length
    assert.deepEqual(all, this.model.read(everything, held))
    const { state, top } = this.model
    const kept = top - state.expired
    assert.ok(held >= Math.min(kept, SIZE) && held <= Math.min(kept, 2 * SIZE + 100), `it holds ${held} entries`)
    const since = sinceOf?.({ top, first: top - held + 1, epochs: this.model.epochs })
    const given = since && { epoch: this.#names[Number(since.epoch) - 1] ?? 'foreign', offset: since.offset }
    const call = { ...options, headTtlMs: TTL.head }
    const read = this.#renamedRead(await this.#log.read(this.group, { ...call, since: given }))
    assert.deepEqual(
      read,
      this.model.read({ ...call, since }, held),
      `since ${JSON.stringify(since)} of ${held} entries`,
    )
  }

  /** Whether the watcher has received everything that was sent, once and in order. */
  checkReceived(): void {
    assert.deepEqual(this.#received, this.#sent)
  }

  #renamedRead({ entries, top, epochs, status, why }: ReadResult): ReadResult {
    return {
      status,
      ...(why !== undefined && { why }),
      epochs: epochs.map((start) => ({ ...start, epoch: this.#numberOf(start.epoch) })),
      entries: entries.map(({ epoch, offset, body }) => ({ epoch: this.#numberOf(epoch), offset, body })),
      top: this.#renamed(top),
    }
  }

  #renamed({ epoch, offset }: Position): Position {
    return { epoch: this.#numberOf(epoch), offset }
  }

  #numberOf(epoch: string): string {
    const index = this.#names.indexOf(epoch)
    return `${index === -1 ? this.#names.push(epoch) : index + 1}`
  }

  #textOf({ epoch, offset, body }: LogEntry): string {
    return `${epoch}:${offset}:${body}`
  }
}
