import { GapNotes, type Groups } from './gap-notes.ts'
import type { RedisLayerEvents } from './layer-events.ts'

type GapEvent = RedisLayerEvents['gap']

/** The type of the message that notifies other processes of a gap. */
const NOTE_TYPE = 'tideway.gap'

/** The callbacks to the layer. */
export interface HostGapsOwner {
  readonly host: string
  /** The groups of the host that have members in this process. */
  groups(): readonly string[]
  /** Whether the group has members in this process. */
  has(group: string): boolean
  /** Reports a gap to the application. */
  report(event: GapEvent): void
  /** Sends a note to all processes of tideway on the host, including this one. A rejection leads to a retry. */
  send(note: Record<string, unknown>): Promise<unknown>
}

/**
 * The gaps of one host. Reports messages to groups that this process missed to the application. Sends a note of messages
 * that this process dropped to the processes that missed them.
 */
export class HostGaps {
  readonly #owner: HostGapsOwner
  readonly #missed = new GapNotes((groups) => this.#report(groups))
  readonly #dropped = new GapNotes(async (groups) => {
    await this.#owner.send(gapNote(groups))
  })
  #reason: GapEvent['reason'] = 'dropped'

  constructor(owner: HostGapsOwner) {
    this.#owner = owner
  }

  /** This process missed messages. */
  missed(groups: Groups, reason: GapEvent['reason']): void {
    // 'dropped' is the least specific reason, so another one replaces it.
    if (reason !== 'dropped') this.#reason = reason
    this.#missed.add(groups)
  }

  /** This process dropped messages to the groups. */
  dropped(groups: Groups): void {
    this.#dropped.add(groups)
  }

  /** Handles a note of a process that dropped messages. Returns `false` if the message is not a note. */
  receive(message: Readonly<Record<string, unknown>>): boolean {
    const groups = groupsOfNote(message)
    if (groups === undefined) return false
    this.missed(groups, 'dropped')
    return true
  }

  /** Sends the remaining note, without a retry. */
  async close(isUp: boolean): Promise<void> {
    if (isUp) await this.#dropped.flush()
    this.#dropped.close()
    this.#missed.close()
  }

  #report(groups: Groups): void {
    const { host } = this.#owner
    const reason = this.#reason
    this.#reason = 'dropped'
    const missed = groups === 'all' ? this.#owner.groups() : groups.filter((group) => this.#owner.has(group))
    // A process without members of these groups missed nothing that another process dropped.
    if (missed.length > 0 || reason !== 'dropped') this.#owner.report({ host, groups: missed, reason })
  }
}

/** Creates the message that notifies a process of a gap. */
export function gapNote(groups: Groups): Record<string, unknown> {
  return { type: NOTE_TYPE, groups }
}

function groupsOfNote({ type, groups }: Readonly<Record<string, unknown>>): Groups | undefined {
  if (type !== NOTE_TYPE) return undefined
  return Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : 'all'
}
