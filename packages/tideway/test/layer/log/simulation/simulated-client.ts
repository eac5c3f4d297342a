import { deepStrictEqual, ok, strictEqual } from 'node:assert'
import type { Follower, Reset } from '../../../../src/layer/log/cursor.ts'
import type { LogEntry } from '../../../../src/layer/log/event-log.ts'
import type { Followed } from '../../../../src/layer/log/follow.ts'
import type { KeptGroups } from '../../../../src/layer/log/kept-groups.ts'
import { formatPosition, type LostReason, type Position } from '../../../../src/layer/log/position.ts'
import type { Random } from '../../../server/fuzz/random.ts'
import { ConnectingClient } from './connecting-client.ts'
import type { SimulatedRedis } from './simulated-redis.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A client of one group: keeps its position while it is away, and checks everything that it gets. */
export class SimulatedClient extends ConnectingClient {
  readonly #redis: SimulatedRedis
  readonly #random: Pick<Random, 'below' | 'is'>
  /** What it has got since it was last told that something is missing. */
  #got: LogEntry[] = []
  timesTold = 0
  events = 0

  constructor(
    group: string,
    redis: SimulatedRedis,
    clock: Pick<VirtualClock, 'delay'>,
    random: Pick<Random, 'below' | 'is'>,
  ) {
    super(group, clock)
    this.#redis = redis
    this.#random = random
  }

  protected override follow(groups: KeptGroups, follower: Follower): Promise<Followed> {
    const last = this.#random.below(4)
    return groups.follow(this.group, follower, { since: this.position, last })
  }

  protected override take({ recovered, why, position }: Followed): void {
    if (recovered) deepStrictEqual(position, this.position)
    else this.#restart(position, why)
  }

  override onEntry(entry: LogEntry): void | Promise<void> {
    const { epoch, offset } = entry
    strictEqual(offset, this.position!.offset + 1, 'An event is missing or came twice, and the client was not told.')
    this.position = { epoch, offset }
    this.#got.push(entry)
    this.events++
    return this.#work()
  }

  override onReset({ why, position }: Reset): void | Promise<void> {
    this.#restart(position, why)
    return this.#work()
  }

  /** Checks that the client has got all of the log and nothing else, from the place where it was last told. */
  check(): void {
    const history = this.#redis.historyOf(this.group)
    const position = this.position
    ok(position !== undefined, 'The client never joined.')
    strictEqual(
      formatPosition(position),
      formatPosition(this.#redis.topOf(this.group)!),
      'The client is not at the top of the log.',
    )
    const start = this.#got[0]?.offset ?? position.offset + 1
    // The first epochs of a log that was trimmed are in its history too.
    deepStrictEqual(
      this.#got,
      history.filter(({ offset }) => offset >= start),
    )
  }

  #restart(position: Position, why: LostReason | undefined): void {
    if (why === 'epoch' || why === 'ahead') {
      ok(this.#redis.hasLost(this.group, this.position!), 'The client was told of a loss that did not happen.')
    }
    this.position = { epoch: position.epoch, offset: position.offset }
    this.#got = []
    this.timesTold++
  }

  #work(): void | Promise<void> {
    if (!this.isSlow || this.#random.is(0.5)) return undefined
    return this.clock.delay(this.#random.below(400))
  }
}
