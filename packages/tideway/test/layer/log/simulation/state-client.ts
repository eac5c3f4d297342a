import { deepStrictEqual, ok, strictEqual } from 'node:assert'
import type { Follower, Reset } from '../../../../src/layer/log/cursor.ts'
import type { LogEntry } from '../../../../src/layer/log/event-log.ts'
import type { Followed } from '../../../../src/layer/log/follow.ts'
import type { KeptGroups } from '../../../../src/layer/log/kept-groups.ts'
import { formatPosition, type Position } from '../../../../src/layer/log/position.ts'
import { changeOf } from '../../../../src/layer/log/state-body.ts'
import type { Random } from '../../../server/fuzz/random.ts'
import { ConnectingClient } from './connecting-client.ts'
import type { SimulatedRedis } from './simulated-redis.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A client of a group with values, which applies changes by the rules of the live protocol. */
export class StateClient extends ConnectingClient {
  readonly #random: Random
  readonly #values = new Map<string, string>()
  snapshots = 0
  changes = 0
  /** Changes that it did not get, because their keys have newer ones. */
  skipped = 0

  constructor(group: string, clock: VirtualClock, random: Random) {
    super(group, clock)
    this.#random = random
  }

  protected override follow(groups: KeptGroups, follower: Follower): Promise<Followed> {
    return groups.follow(this.group, follower, { since: this.position, isState: true })
  }

  protected override take({ recovered, position, values }: Followed): void {
    strictEqual(values === undefined, recovered, 'A follower gets the values unless the log continues its position.')
    if (values === undefined) deepStrictEqual(position, this.position)
    else this.#replace(position, values)
  }

  override onEntry(entry: LogEntry): void | Promise<void> {
    const missed = entry.offset - this.position!.offset
    ok(missed > 0, 'The offsets do not ascend.')
    this.skipped += missed - 1
    this.changes++
    this.position = { epoch: entry.epoch, offset: entry.offset }
    this.#apply(entry)
    return this.#work()
  }

  override onReset({ position, values }: Reset): void | Promise<void> {
    this.#replace(position, values!)
    return this.#work()
  }

  /** Checks that the client has the values of the log. */
  check(redis: SimulatedRedis): void {
    strictEqual(formatPosition(this.position!), formatPosition(redis.topOf(this.group)!), 'A client is not at the top.')
    const wanted = redis.valuesOf(this.group).map(({ body }): [string, string | undefined] => {
      const { keyJson, valueJson } = changeOf(body)!
      return [keyJson, valueJson]
    })
    // A deep comparison of maps does not compare their order.
    deepStrictEqual(this.#values, new Map(wanted))
  }

  #replace({ epoch, offset }: Position, values: readonly LogEntry[]): void {
    this.position = { epoch, offset }
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
    return this.clock.delay(this.#random.below(2000))
  }
}
