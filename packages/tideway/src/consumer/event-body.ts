/** An event of a kept group, as its log has it. */
export interface EventContent {
  /** The name of the event: `said`. */
  readonly name: string
  /** A JSON value, frozen with everything in it; `undefined` for an event without data. */
  readonly data: unknown
  /** The `id` with which it was published. */
  readonly id: string | undefined
}

/** Encodes an event as `{"e":"said","d":…,"id":…}`. The data must be a JSON value, or `undefined`. */
export function encodeEvent(name: string, data: unknown, id?: string): string {
  return JSON.stringify({ e: name, d: data, id })
}

/** Decodes an event. Returns `undefined` for a text of another form, such as one of another program. */
export function decodeEvent(body: string): EventContent | undefined {
  const { e, d, id } = (decodeJson(body) ?? {}) as Partial<Record<'e' | 'd' | 'id', unknown>>
  if (typeof e !== 'string' || e === '' || (id !== undefined && typeof id !== 'string')) return undefined
  return { name: e, data: d, id }
}

/** Decodes a JSON value, frozen with everything in it. Returns `undefined` for a text that is not JSON. */
export function decodeJson(text: string): unknown {
  let parsed: unknown
  try {
    parsed = JSON.parse(text)
  } catch {
    return undefined
  }
  freeze(parsed)
  return parsed
}

/** Freezes a decoded value. Not recursive: another program may have sent a value of any depth. */
function freeze(value: unknown): void {
  const left = [value]
  while (left.length > 0) {
    const next = left.pop()
    if (typeof next !== 'object' || next === null) continue
    Object.freeze(next)
    for (const member of Object.values(next)) left.push(member)
  }
}
