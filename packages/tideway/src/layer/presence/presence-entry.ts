import type { AppendOptions } from '../log/event-log.ts'
import { HEAD_TTL_MS } from '../log/kept-groups-options.ts'
import type { PresentPerson } from './presence-store.ts'

/** One change of the people of a group. */
export type PresenceEntry =
  | { readonly kind: 'in' | 'up'; readonly key: string; readonly meta: unknown }
  | { readonly kind: 'out'; readonly key: string }

/**
 * The name of the log of changes of a group. No group can have it, because of the exclamation mark.
 */
export function presenceLogOf(group: string): string {
  return `${group}!who`
}

/** Whether the name is that of a log of changes. */
export function isPresenceLog(name: string): boolean {
  return name.endsWith('!who')
}

/** How much the log of changes keeps. A process that has missed more reads the list again. */
export const presenceHistory: AppendOptions = Object.freeze({ size: 1000, ttlMs: 300_000, headTtlMs: HEAD_TTL_MS })

/** The body of the entry of a person who is present now (`in`), or whose meta has changed (`up`). */
export function presentBody(kind: 'in' | 'up', { key, meta }: PresentPerson): string {
  return `{"${kind}":{${JSON.stringify(key)}:${meta}}}`
}

/** The body of the entry of a person who has left. */
export function leftBody(key: string): string {
  return `{"out":[${JSON.stringify(key)}]}`
}

/** Reads the body of an entry. Returns `undefined` for one of a newer version. */
export function parsePresenceEntry(body: string): PresenceEntry | undefined {
  const entry = JSON.parse(body) as Record<string, unknown>
  if (Array.isArray(entry['out'])) return { kind: 'out', key: String(entry['out'][0]) }
  for (const kind of ['in', 'up'] as const) {
    const [person] = Object.entries(entry[kind] ?? {})
    if (person !== undefined) return { kind, key: person[0], meta: person[1] as unknown }
  }
  return undefined
}
