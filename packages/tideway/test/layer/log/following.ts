import { onTestFinished } from 'vitest'
import type { Clock } from '../../../src/layer/log/clock.ts'
import type { Follower, Reset } from '../../../src/layer/log/cursor.ts'
import type { EventLog, LogEntry } from '../../../src/layer/log/event-log.ts'
import type { KeptGroupsOptions } from '../../../src/layer/log/kept-groups-options.ts'
import { KeptGroups } from '../../../src/layer/log/kept-groups.ts'
import { formatPosition } from '../../../src/layer/log/position.ts'

/** Records what a follower gets, as short texts. */
export class RecordingFollower implements Follower {
  readonly got: string[] = []
  /** While it is set, the follower is busy after each call. */
  #busy: Promise<void> | undefined
  #release: (() => void) | undefined

  onEntry({ body }: LogEntry): void | Promise<void> {
    this.got.push(body)
    return this.#busy
  }

  onVolatile(body: string): void {
    this.got.push(`volatile ${body}`)
  }

  onReset({ why, position }: Reset): void | Promise<void> {
    this.got.push(`reset ${why} at ${position.offset}`)
    return this.#busy
  }

  /** Makes the follower busy from its next call on. */
  pause(): void {
    this.#busy = new Promise((resolve) => (this.#release = resolve))
  }

  resume(): void {
    this.#busy = undefined
    this.#release?.()
  }
}

/** The kept groups of one process, closed after the test. */
export function keptGroupsOf(log: EventLog, options?: KeptGroupsOptions, clock?: Clock): KeptGroups {
  const groups = new KeptGroups(log, options, undefined, clock)
  onTestFinished(() => groups.close())
  return groups
}

/** Starts a follower. */
export async function following(
  groups: KeptGroups,
  group: string,
  options?: Parameters<KeptGroups['follow']>[2],
): Promise<{ follower: RecordingFollower; answer: string; close: () => void; at: () => string }> {
  const follower = new RecordingFollower()
  const { cursor, recovered, why, position } = await groups.follow(group, follower, options)
  cursor.start()
  const answer = recovered ? 'recovered' : `${why ?? 'fresh'} at ${position.offset}`
  return { follower, answer, close: () => cursor.close(), at: () => formatPosition(cursor) }
}
