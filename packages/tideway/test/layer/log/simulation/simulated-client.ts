import { deepStrictEqual, ok, strictEqual } from 'node:assert'
import type { Cursor, Follower, Reset } from '../../../../src/layer/log/cursor.ts'
import type { LogEntry } from '../../../../src/layer/log/event-log.ts'
import type { KeptGroups } from '../../../../src/layer/log/kept-groups.ts'
import { formatPosition, type LostReason, type Position } from '../../../../src/layer/log/position.ts'
import type { Random } from '../../../server/fuzz/random.ts'
import type { SimulatedRedis } from './simulated-redis.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A client of one group: keeps its position while it is away, and checks everything that it gets. */
export class SimulatedClient implements Follower {
  readonly #group: string
  readonly #redis: SimulatedRedis
  readonly #clock: Pick<VirtualClock, 'delay'>
  readonly #random: Pick<Random, 'below' | 'is'>
  #position: Position | undefined
  /** What it has got since it was last told that something is missing. */
  #got: LogEntry[] = []
  #cursor: Cursor | undefined
  #connection = 0
  /** The process that it is connected to; `undefined` while it is away. */
  groups: KeptGroups | undefined
  isSlow = false
  timesTold = 0
  events = 0

  constructor(
    group: string,
    redis: SimulatedRedis,
    clock: Pick<VirtualClock, 'delay'>,
    random: Pick<Random, 'below' | 'is'>,
  ) {
    this.#group = group
    this.#redis = redis
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
        const last = this.#random.below(4)
        const follower = this.#guarded(connection)
        const { cursor, recovered, why, position } = await groups.follow(this.#group, follower, {
          since: this.#position,
          last,
        })
        if (connection !== this.#connection) {
          cursor.close()
          return
        }
        if (recovered) deepStrictEqual(position, this.#position)
        else this.#restart(position, why)
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
    const { epoch, offset } = entry
    strictEqual(offset, this.#position!.offset + 1, 'An event is missing or came twice, and the client was not told.')
    this.#position = { epoch, offset }
    this.#got.push(entry)
    this.events++
    return this.#work()
  }

  onVolatile(): void {}

  onReset({ why, position }: Reset): void | Promise<void> {
    this.#restart(position, why)
    return this.#work()
  }

  /** Checks that the client has got all of the log and nothing else, from the place where it was last told. */
  check(): void {
    const history = this.#redis.historyOf(this.#group)
    const position = this.#position
    ok(position !== undefined, 'The client never joined.')
    strictEqual(
      formatPosition(position),
      formatPosition(this.#redis.topOf(this.#group)!),
      'The client is not at the top of the log.',
    )
    const start = this.#got[0]?.offset ?? position.offset + 1
    // The first epochs of a log that was trimmed are in its history too.
    deepStrictEqual(
      this.#got,
      history.filter(({ offset }) => offset >= start),
    )
  }

  /** A follower of an earlier connection must not be called. */
  #guarded(connection: number): Follower {
    const check = (): void => strictEqual(connection, this.#connection, 'A closed cursor has called its follower.')
    return {
      onEntry: (entry) => (check(), this.onEntry(entry)),
      onVolatile: () => check(),
      onReset: (reset) => (check(), this.onReset(reset)),
    }
  }

  #restart(position: Position, why: LostReason | undefined): void {
    if (why === 'epoch' || why === 'ahead') {
      ok(this.#redis.hasLost(this.#group, this.#position!), 'The client was told of a loss that did not happen.')
    }
    this.#position = { epoch: position.epoch, offset: position.offset }
    this.#got = []
    this.timesTold++
  }

  #work(): void | Promise<void> {
    if (!this.isSlow || this.#random.is(0.5)) return undefined
    return this.#clock.delay(this.#random.below(400))
  }
}
