import assert from 'node:assert/strict'

import type { LostReason, Position, ReadResult } from 'tideway/layer'
import type { EventLog } from 'tideway/layer/kit'

import { patiently } from '../../../../test/setup/patiently.ts'

/** Options of an append whose entry stays for the whole test. */
export const lasting = { size: 100, ttlMs: 600_000, headTtlMs: 600_000 } as const

const everything = { last: 1000, maxEntries: 1000, maxBytes: 10_000_000, headTtlMs: 600_000 } as const

/**
 * Every position that a log has ever returned, with the entries up to it. Checks that a read continues a position only with what
 * follows these entries.
 */
export class OldPositions {
  readonly #known: { readonly position: Position; readonly entries: readonly string[] }[] = []
  /** The bodies of the log that exists now. */
  #entries: string[] = []

  /** The log has lost all but its first entries. */
  lost(kept: number): void {
    this.#entries = this.#entries.slice(0, kept)
  }

  /** Appends one event after the other. Returns the last position. */
  async append(log: EventLog, ...bodies: string[]): Promise<Position> {
    if (this.#entries.length === 0) this.#remember((await readAll(log)).top)
    let position: Position | undefined
    for (const body of bodies) {
      ;({ position } = await log.append('room', body, lasting))
      this.#entries.push(body)
      assert.equal(position.offset, this.#entries.length)
      this.#remember(position)
    }
    return position!
  }

  /**
   * Reads from every position. Returns the status of each one in the order of the appends. A log that was empty has the position 0.
   * @param trimmed the number of entries that the log no longer holds
   */
  async check(log: EventLog, trimmed = 0): Promise<('continues' | LostReason)[]> {
    const current = await readAll(log)
    assert.deepEqual(bodiesOf(current), this.#entries.slice(trimmed))
    const found: ('continues' | LostReason)[] = []
    for (const { position, entries } of this.#known) {
      const read = await log.read('room', { ...everything, since: position })
      found.push(read.why ?? 'continues')
      if (read.status !== 'continues') continue
      assert.deepEqual(entries, this.#entries.slice(0, position.offset))
      assert.deepEqual(bodiesOf(read), this.#entries.slice(position.offset))
    }
    return found
  }

  #remember(position: Position): void {
    this.#known.push({ position, entries: [...this.#entries] })
  }
}

/** Reads all entries, as soon as the log can be read. */
export function readAll(log: EventLog): Promise<ReadResult> {
  return patiently(() => log.read('room', everything))
}

function bodiesOf({ entries }: ReadResult): string[] {
  return entries.map(({ body }) => body)
}
