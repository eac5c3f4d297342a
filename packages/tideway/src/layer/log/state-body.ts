/** A change of a key, as its body says. */
export interface Change {
  /** The key as a JSON string. */
  readonly keyJson: string
  /** The value as JSON; `undefined` for a deletion. */
  readonly valueJson: string | undefined
  /** After which time the value expires, in milliseconds. */
  readonly ttlMs: number | undefined
}

const changePattern = /^\{"k":("(?:[^"\\]|\\.)*"),(?:"ttl":(\d+),)?"(?:d":|x":1\}$)/

/** The body of a value: `{"k":"EURUSD","d":…}`, with `"ttl":…` before `d` if it expires. */
export function encodeValue(key: string, valueJson: string, ttlMs?: number): string {
  return `{"k":${JSON.stringify(key)},${ttlMs === undefined ? '' : `"ttl":${ttlMs},`}"d":${valueJson}}`
}

/** The body of a deletion: `{"k":"EURUSD","x":1}`. */
export function encodeDeletion(key: string): string {
  return `{"k":${JSON.stringify(key)},"x":1}`
}

/** Reads a body without parsing its value. Returns `undefined` for a text of another form. */
export function changeOf(body: string): Change | undefined {
  const match = changePattern.exec(body)
  if (match === null) return undefined
  const [start, keyJson, ttlMs] = match as unknown as [string, string, string | undefined]
  const valueJson = start.endsWith('}') ? undefined : body.slice(start.length, -1)
  return { keyJson, valueJson, ttlMs: ttlMs === undefined ? undefined : Number(ttlMs) }
}

/** The key of a change. */
export function keyOf({ keyJson }: Change): string {
  return JSON.parse(keyJson) as string
}
