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
  const entries = change.list ? Object.entries(change.list) : (people ?? [])
  const next = new Map([...entries, ...Object.entries({ ...change.in, ...change.up })])
  for (const key of change.out ?? []) next.delete(key)
  return Object.assign(next, { count: change.count })
}

/** What is asked for callers with different wishes: the most that one of them asks for. */
export function strongest(one: Asked, other: Asked): Asked {
  return (['list', undefined, 'count', false] as const).find((asked) => asked === one || asked === other)
}
