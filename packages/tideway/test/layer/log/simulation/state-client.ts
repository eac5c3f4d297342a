import { deepStrictEqual, ok, strictEqual } from 'node:assert'
import type { Cursor, Follower, Reset } from '../../../../src/layer/log/cursor.ts'
import type { LogEntry } from '../../../../src/layer/log/event-log.ts'
import type { KeptGroups } from '../../../../src/layer/log/kept-groups.ts'
import { formatPosition, type Position } from '../../../../src/layer/log/position.ts'
import { changeOf } from '../../../../src/layer/log/state-body.ts'
import type { Random } from '../../../server/fuzz/random.ts'
import type { SimulatedRedis } from './simulated-redis.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A client of a group with values, which applies changes by the rules of the live protocol. */
export class StateClient implements Follower {
  readonly #group: string
  readonly #clock: VirtualClock
  readonly #random: Random
  #position: Position | undefined
  readonly #values = new Map<string, string>()
  #cursor: Cursor | undefined
  #connection = 0
  /** The process that it is connected to; `undefined` while it is away. */
  groups: KeptGroups | undefined
  isSlow = false
  snapshots = 0
  changes = 0
  /** Changes that it did not get, because their keys have newer ones. */
  skipped = 0

  constructor(group: string, clock: VirtualClock, random: Random) {
    this.#group = group
    this.#clock = clock
    this.#random = random
  }

  /** Connects, and tries again while the log cannot be read. */
  async connect(groups: KeptGroups): Promise<void> {
    this.leave()
    const connection = this.#connection
    this.groups = groups
    while (connection === this.#connection) {
      try {
        const options = { since: this.#position, isState: true }
        const { cursor, recovered, position, values } = await groups.follow(this.#group, this, options)
        if (connection !== this.#connection) {
          cursor.close()
          return
        }
        strictEqual(
          values === undefined,
          recovered,
          'A follower gets the values unless the log continues its position.',
        )
        if (values === undefined) deepStrictEqual(position, this.#position)
        else this.#replace(position, values)
        this.#cursor = cursor
        cursor.start()
        return
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_LAYER_CLOSED') return
        strictEqual((error as { code?: string }).code, 'ERR_LAYER_UNAVAILABLE', String(error))
        await this.#clock.delay(100)
      }
    }
  }

  leave(): void {
    this.#connection++
    this.#cursor?.close()
    this.#cursor = undefined
    this.groups = undefined
  }

  onEntry(entry: LogEntry): void | Promise<void> {
    const missed = entry.offset - this.#position!.offset
    ok(missed > 0, 'The offsets do not ascend.')
    this.skipped += missed - 1
    this.changes++
    this.#position = { epoch: entry.epoch, offset: entry.offset }
    this.#apply(entry)
    return this.#work()
  }

  onVolatile(): void {}

  onReset({ position, values }: Reset): void | Promise<void> {
    this.#replace(position, values!)
    return this.#work()
  }

  /** Checks that the client has the values of the log. */
  check(redis: SimulatedRedis): void {
    strictEqual(
      formatPosition(this.#position!),
      formatPosition(redis.topOf(this.#group)!),
      'A client is not at the top.',
    )
    const wanted = redis.valuesOf(this.#group).map(({ body }): [string, string | undefined] => {
      const { keyJson, valueJson } = changeOf(body)!
      return [keyJson, valueJson]
    })
    // A deep comparison of maps does not compare their order.
    deepStrictEqual(this.#values, new Map(wanted))
  }

  #replace({ epoch, offset }: Position, values: readonly LogEntry[]): void {
    this.#position = { epoch, offset }
    this.#values.clear()
    for (const entry of values) this.#apply(entry)
    this.snapshots++
  }

  #apply({ body }: LogEntry): void {
    const { keyJson, valueJson } = changeOf(body)!
    if (valueJson === undefined) this.#values.delete(keyJson)
    else this.#values.set(keyJson, valueJson)
  }

  #work(): void | Promise<void> {
    if (!this.isSlow || this.#random.is(0.3)) return undefined
    return this.#clock.delay(this.#random.below(2000))
  }
}
