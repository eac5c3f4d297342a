import { GapNotes, type Groups } from './gap-notes.ts'
import type { RedisLayerEvents } from './layer-events.ts'

type GapEvent = RedisLayerEvents['gap']

/** The type of the message that tells other processes of a gap. */
const NOTE_TYPE = 'tideway.gap'

/** What the gaps of a host need of their layer. */
export interface HostGapsOwner {
  readonly host: string
  /** The groups of the host that have members in this process. */
  groups(): readonly string[]
  /** Whether the group has members in this process. */
  has(group: string): boolean
  /** Reports a gap to the application. */
  report(event: GapEvent): void
  /** Sends a note to all processes of tideway on the host, this one included. After a rejection it is sent again. */
  send(note: Record<string, unknown>): Promise<unknown>
}

/**
 * The gaps of one host: messages to groups that this process missed, which are reported to the application, and those that
 * it dropped, of which a note goes to the processes that missed them.
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
    // Of several the one that says more.
    if (reason !== 'dropped') this.#reason = reason
    this.#missed.add(groups)
  }

  /** This process dropped messages to the groups. */
  dropped(groups: Groups): void {
    this.#dropped.add(groups)
  }

  /** Takes a note of a process that dropped messages. `false`: the message is not a note. */
  receive(message: Readonly<Record<string, unknown>>): boolean {
    const groups = groupsOfNote(message)
    if (groups === undefined) return false
    this.missed(groups, 'dropped')
    return true
  }

  /** Sends what is left to send, once. */
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
    // Without a member in this process, what another one dropped was not for this one.
    if (missed.length > 0 || reason !== 'dropped') this.#owner.report({ host, groups: missed, reason })
  }
}

/** The message that tells of a gap. */
export function gapNote(groups: Groups): Record<string, unknown> {
  return { type: NOTE_TYPE, groups }
}

function groupsOfNote({ type, groups }: Readonly<Record<string, unknown>>): Groups | undefined {
  if (type !== NOTE_TYPE) return undefined
  return Array.isArray(groups) ? groups.filter((group) => typeof group === 'string') : 'all'
}
