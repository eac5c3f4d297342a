/** The people of a group, by their keys. Every change creates a new object. */
export interface People<Meta = unknown> extends ReadonlyMap<string, Meta> {
  /** The number of all people. The map has 200 of them at most, and none of a large group. */
  readonly count: number
}

/** The people in the answer to a join. */
export interface WhoFrame {
  readonly count: number
  readonly list?: Readonly<Record<string, unknown>>
}

/** A change of the people. */
export interface PeopleFrame {
  readonly g: string
  readonly w: WhoFrame & {
    readonly in?: Readonly<Record<string, unknown>>
    readonly up?: Readonly<Record<string, unknown>>
    readonly out?: readonly string[]
  }
}

/** What a client wants of the people of a group. */
export type Asked = 'list' | 'count' | false | undefined

/** Returns the people after a change. */
export function changedPeople(people: People | undefined, change: PeopleFrame['w']): People {
  const next = new Map(change.list ? Object.entries(change.list) : people)
  for (const added of [change.in, change.up]) for (const [key, meta] of Object.entries(added ?? {})) next.set(key, meta)
  for (const key of change.out ?? []) next.delete(key)
  return Object.assign(next, { count: change.count })
}

const strength = [false, 'count', undefined, 'list'] as const

/** What is asked for callers with different wishes. */
export function strongest(one: Asked, other: Asked): Asked {
  return strength[Math.max(strength.indexOf(one), strength.indexOf(other))]
}
