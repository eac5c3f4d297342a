import { strictEqual } from 'node:assert'
import type { Cursor, Follower, Reset } from '../../../../src/layer/log/cursor.ts'
import type { LogEntry } from '../../../../src/layer/log/event-log.ts'
import type { Followed } from '../../../../src/layer/log/follow.ts'
import type { KeptGroups } from '../../../../src/layer/log/kept-groups.ts'
import type { Position } from '../../../../src/layer/log/position.ts'
import type { VirtualClock } from './virtual-clock.ts'

/** A client of one group that comes and goes, and keeps its position while it is away. */
export abstract class ConnectingClient implements Follower {
  protected readonly group: string
  protected readonly clock: Pick<VirtualClock, 'delay'>
  protected position: Position | undefined
  #cursor: Cursor | undefined
  #connection = 0
  /** The process that it is connected to; `undefined` while it is away. */
  groups: KeptGroups | undefined
  isSlow = false

  constructor(group: string, clock: Pick<VirtualClock, 'delay'>) {
    this.group = group
    this.clock = clock
  }

  abstract onEntry(entry: LogEntry): void | Promise<void>
  abstract onReset(reset: Reset): void | Promise<void>
  onVolatile(): void {}

  /** Follows the group from its position on. */
  protected abstract follow(groups: KeptGroups, follower: Follower): Promise<Followed>
  /** Checks what it is told when it has connected, and takes it over. */
  protected abstract take(followed: Followed): void

  /** Connects, and tries again while the log cannot be read. */
  async connect(groups: KeptGroups): Promise<void> {
    this.leave()
    const connection = this.#connection
    this.groups = groups
    while (connection === this.#connection) {
      try {
        const followed = await this.follow(groups, this.#guarded(connection))
        const { cursor } = followed
        if (connection !== this.#connection) {
          cursor.close()
          return
        }
        this.take(followed)
        this.#cursor = cursor
        cursor.start()
        return
      } catch (error) {
        if ((error as { code?: string }).code === 'ERR_LAYER_CLOSED') return
        strictEqual((error as { code?: string }).code, 'ERR_LAYER_UNAVAILABLE', String(error))
        await this.clock.delay(100)
      }
    }
  }

  leave(): void {
    this.#connection++
    this.#cursor?.close()
    this.#cursor = undefined
    this.groups = undefined
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
}
