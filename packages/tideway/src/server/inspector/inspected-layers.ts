import { redactJson } from '../../asgi/redact-query.ts'
import type { ChannelLayerFigures } from '../observe/server-stats.ts'
import type { SurveyingGroups } from './inspected-processes.ts'

interface LogPosition {
  readonly epoch: string
  readonly offset: number
}

/** An entry of a log. */
export interface InspectedEntry extends LogPosition {
  readonly body: string
}

/** Gets the events of a group, as `Follower` of `tideway/layer`. */
export interface InspectedFollower {
  onEntry(entry: InspectedEntry): void | Promise<void>
  onVolatile(body: string): boolean | void
  onReset(reset: { readonly why: string; readonly position: LogPosition }): void | Promise<void>
}

/** A group with a follower in this process, as `FollowedGroup` of `tideway/layer`. */
export interface InspectedGroup {
  readonly group: string
  readonly isState: boolean
  readonly followers: number
  readonly position: LogPosition
  readonly lag: number
}

/** The subset of the kept groups of a layer that the inspector needs. */
export interface InspectedKeptGroups extends SurveyingGroups {
  followed(): readonly InspectedGroup[]
  history(group: string, options: { readonly last: number }): Promise<{ readonly entries: readonly InspectedEntry[] }>
  values(group: string): Promise<{ readonly entries: readonly InspectedEntry[] }>
  follow(
    group: string,
    follower: InspectedFollower,
    options: { readonly last: number; readonly isState: boolean },
  ): Promise<{ readonly cursor: { start(): void; close(): void } }>
  readonly presence?:
    | {
        who(
          group: string,
          limit: number,
        ): Promise<{
          readonly count: number
          readonly people: readonly { readonly key: string; readonly meta: unknown }[]
        }>
      }
    | undefined
}

/** The channel layers of an application, by their alias. */
export type InspectedLayers = Readonly<
  Record<string, { stats(): ChannelLayerFigures; readonly keptGroups?: InspectedKeptGroups | undefined }>
>

/** A group of the list. */
export interface GroupRow extends Omit<InspectedGroup, 'position'> {
  readonly layer: string
  readonly position: string
}

/** An event as the inspector shows it. */
export interface ShownEvent {
  /** As `epoch:offset`. `undefined` for a volatile event. */
  readonly position?: string | undefined
  /** The name of the event; in a group with values, the key. */
  readonly name: string
  /** JSON of the data without secrets, cut after {@link MAX_SHOWN} characters. */
  readonly data: string
}

/** The most characters of the data of an event. */
export const MAX_SHOWN = 2000
/** The most people of a group. */
const MAX_PEOPLE = 50
/** The most events of a history. */
const MAX_HISTORY = 20

/** The groups whose name contains the text, those with the most followers first. */
export function listGroups(
  layers: InspectedLayers,
  { search, offset, limit }: { readonly search: string; readonly offset: number; readonly limit: number },
): { readonly total: number; readonly matching: number; readonly rows: readonly GroupRow[] } {
  const all = Object.entries(layers).flatMap(([layer, { keptGroups }]) =>
    (keptGroups?.followed() ?? []).map(({ position, ...group }) => ({ layer, ...group, position: textOf(position) })),
  )
  const matching = search === '' ? all : all.filter(({ group }) => group.toLowerCase().includes(search.toLowerCase()))
  matching.sort((one, other) => other.followers - one.followers || (one.group < other.group ? -1 : 1))
  return { total: all.length, matching: matching.length, rows: matching.slice(offset, offset + limit) }
}

/** The kept groups that have this group. `undefined` for a group that the process does not follow: reading would create it. */
export function findGroup(
  layers: InspectedLayers,
  layer: string,
  name: string,
): { readonly keptGroups: InspectedKeptGroups; readonly group: InspectedGroup } | undefined {
  const keptGroups = Object.hasOwn(layers, layer) ? layers[layer]!.keptGroups : undefined
  const group = keptGroups?.followed().find((one) => one.group === name)
  return keptGroups && group && { keptGroups, group }
}

/** The newest events or the values of a group, and its people. */
export async function describeGroup(
  { keptGroups, group: { group, isState, position, ...figures } }: NonNullable<ReturnType<typeof findGroup>>,
  secretNames: readonly string[],
): Promise<object> {
  const [{ entries }, presence] = await Promise.all([
    isState ? keptGroups.values(group) : keptGroups.history(group, { last: MAX_HISTORY }),
    keptGroups.presence?.who(group, MAX_PEOPLE),
  ])
  const people = presence?.people.map(({ key, meta }) => ({ key, meta: shownJson(meta, secretNames) }))
  return {
    group,
    isState,
    position: textOf(position),
    ...figures,
    history: entries.slice(-MAX_HISTORY).map((entry) => shownEvent(entry.body, secretNames, entry)),
    presence: presence && { count: presence.count, people },
  }
}

/** The event of a body, without secrets. */
export function shownEvent(body: string, secretNames: readonly string[], position?: LogPosition): ShownEvent {
  const at = position && { position: textOf(position) }
  let content: Readonly<Record<string, unknown>>
  try {
    content = Object(JSON.parse(body)) as Readonly<Record<string, unknown>>
  } catch {
    // Another program may have appended anything, which may be secret.
    return { ...at, name: '', data: '(not an event)' }
  }
  const { e: name, k: key, d: data, x: isDeleted } = content
  return {
    ...at,
    name: typeof name === 'string' ? name : typeof key === 'string' ? key : '',
    data: isDeleted === undefined ? shownJson(data, secretNames) : '(deleted)',
  }
}

function shownJson(value: unknown, secretNames: readonly string[]): string {
  const json = JSON.stringify(redactJson(value, secretNames)) ?? ''
  return json.length > MAX_SHOWN ? `${json.slice(0, MAX_SHOWN)}…` : json
}

export function textOf({ epoch, offset }: LogPosition): string {
  return `${epoch}:${offset}`
}
