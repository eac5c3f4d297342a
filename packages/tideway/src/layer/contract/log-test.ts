import assert from 'node:assert/strict'
import { containsPosition, type Position } from '../log/position.ts'
import type { AppendOptions, EventLog, LogEntry, LogSink, ReadOptions, ReadResult } from '../log/event-log.ts'
import { until } from './contract-test.ts'

/** What a test of the contract works with. Every log that it makes is closed after it. */
export interface LogContext {
  /** Makes a log that shares nothing with the logs of other calls. */
  makeLog(): Promise<EventLog>
  /** Makes another log on the engine of the given one, as another process would have it. */
  makePeer(log: EventLog): Promise<EventLog>
  /** A short time to live that the log supports, in milliseconds. */
  readonly ttlMs: number
}

/** The tests of one chapter of the specification, by their names. */
export type LogContractChapter = Readonly<Record<string, (context: LogContext) => Promise<void>>>

/** Options of an append whose entry stays for the whole test. */
export const lasting: AppendOptions = Object.freeze({ size: 100, ttlMs: 600_000, headTtlMs: 600_000 })

/** Options of a read without effective limits. */
export const everything: ReadOptions = Object.freeze({
  last: 10_000,
  maxEntries: 10_000,
  maxBytes: 100_000_000,
  headTtlMs: 600_000,
})

/** A sink that keeps what it receives. */
export class LogCollector implements LogSink {
  readonly entries: LogEntry[] = []
  readonly volatile: string[] = []

  onEntry(entry: LogEntry): void {
    this.entries.push(entry)
  }

  onVolatile(body: string): void {
    this.volatile.push(body)
  }

  get bodies(): string[] {
    return this.entries.map(({ body }) => body)
  }

  /** Waits for the first `count` entries. */
  async first(count: number): Promise<readonly LogEntry[]> {
    await until(`${count} entries arrive`, () => this.entries.length >= count)
    return this.entries.slice(0, count)
  }
}

/** Appends entries with the bodies `1`, `2`, … one after the other. Returns their positions. */
export async function appendNumbered(
  log: EventLog,
  count: number,
  options: AppendOptions = lasting,
): Promise<Position[]> {
  const positions: Position[] = []
  for (let number = 1; number <= count; number++) {
    positions.push((await log.append('group', String(number), options)).position)
  }
  return positions
}

/** Reads, and checks what holds for every result. */
export async function readChecked(log: EventLog, options: Partial<ReadOptions> = {}): Promise<ReadResult> {
  const result = await log.read('group', { ...everything, ...options })
  const { status, why, entries, top, epochs } = result
  assert.ok(epochs.length >= 1 && epochs.length <= 8, 'a log has 1 to 8 epochs')
  assert.equal(why === undefined, status !== 'lost', 'only a lost position has a reason')
  const head = { epochs, top: top.offset, first: entries[0]?.offset ?? top.offset + 1 }
  assert.equal(containsPosition(head, top), true, 'the newest position is in the log')
  entries.forEach(({ offset, epoch }, index) => {
    assert.equal(
      offset,
      top.offset - entries.length + 1 + index,
      'the entries end at the newest position without a hole',
    )
    assert.equal(containsPosition(head, { epoch, offset }), true, 'an entry is at a position of the log')
  })
  return result
}

/** The bodies `from` to `to` of {@link appendNumbered}. */
export function numbers(from: number, to: number): string[] {
  return Array.from({ length: Math.max(0, to - from + 1) }, (_, index) => String(from + index))
}

/** The bodies of the entries of a result. */
export function bodiesOf({ entries }: ReadResult): string[] {
  return entries.map(({ body }) => body)
}
