import type { EventLog } from '../log/event-log.ts'
import { parsePresenceEntry, presenceLogOf } from '../presence/presence-entry.ts'
import type { DeadProcess, PresenceStore, PresenceWrite } from '../presence/presence-store.ts'
import { everything } from './log-test.ts'

/** What a test of the contract works with. The log is closed after it. */
export interface PresenceContext {
  readonly log: EventLog
  readonly store: PresenceStore
  /** A lease that ends soon, in milliseconds. */
  readonly leaseMs: number
}

/** The tests of one chapter of the specification, by their names. */
export type PresenceContractChapter = Readonly<Record<string, (context: PresenceContext) => Promise<void>>>

/** A lease that does not end during a test. */
export const LONG_LEASE_MS = 600_000

export function entering(member: number, key: string, meta: unknown = { name: key }): PresenceWrite {
  return { kind: 'enter', member, key, meta: JSON.stringify(meta) }
}

/** The changes in the log of the group, parsed, without an `up` that repeats the meta: encryption hides that it is the same. */
export async function changesOf({ log }: PresenceContext, group = 'group'): Promise<unknown[]> {
  const { entries } = await log.read(presenceLogOf(group), everything)
  const metas = new Map<string, string>()
  return entries.flatMap(({ body }) => {
    const change = parsePresenceEntry(body)
    if (change === undefined || change.kind === 'out') return [JSON.parse(body) as unknown]
    const meta = JSON.stringify(change.meta)
    if (change.kind === 'up' && metas.get(change.key) === meta) return []
    metas.set(change.key, meta)
    return [JSON.parse(body) as unknown]
  })
}

/** The people of the group and their metas. */
export async function peopleOf({ store }: PresenceContext, group = 'group'): Promise<Record<string, unknown>> {
  const { people } = await store.who(group, 10_000)
  return Object.fromEntries(people.map(({ key, meta }) => [key, JSON.parse(meta) as unknown]))
}

/** The dead processes, without those that were returned before. */
export function sweepNew({ store }: PresenceContext): Promise<readonly DeadProcess[]> {
  return store.sweep({ retryMs: LONG_LEASE_MS, suspects: [] })
}

/** Begins the lease of a process with these groups. */
export function announceNew(
  { store }: PresenceContext,
  process: string,
  leaseMs: number,
  groups: readonly string[] = ['group'],
): Promise<boolean> {
  return store.announce(process, groups, { leaseMs, isNew: true })
}
