/** The names of a request's headers. Requests with the same names in the same order share one object. */
export interface HeaderNames {
  /** As the client wrote them. */
  readonly raw: readonly string[]
  /** In lower case. */
  readonly lower: readonly string[]
  /** Whether many clients have the same value of the header. */
  readonly isShared: readonly boolean[]
}

/** Headers whose values many clients share. The values of other headers differ per client and are often secret. */
const sharedNames: ReadonlySet<string> = new Set([
  'accept',
  'accept-encoding',
  'accept-language',
  'cache-control',
  'connection',
  'host',
  'origin',
  'pragma',
  'sec-websocket-extensions',
  'sec-websocket-version',
  'upgrade',
  'user-agent',
])

/** Names in lower case, shared by all connections. */
const lowerCased = new Map<string, string>()
const LOWER_CASED_NAMES_KEPT = 256

/** Returns the name in lower case. */
export function lowerCase(name: string): string {
  const known = lowerCased.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  if (lowerCased.size < LOWER_CASED_NAMES_KEPT) lowerCased.set(copyOf(name), lower)
  return lower
}

/** The lists of the latest requests: browsers of one kind send the same names in the same order. */
let lists: HeaderNames[] = []
const LISTS_KEPT = 32
const LONGEST_LIST_KEPT = 64

/** Returns the names in raw headers: name, value, name, value, … A list of its own would cost a browser's connection 100 bytes. */
export function namesIn(rawHeaders: readonly string[]): HeaderNames {
  const known = lists.find(({ raw }) => areThese(raw, rawHeaders))
  if (known !== undefined) return known
  const raw = rawHeaders.filter((_, i) => i % 2 === 0).map(copyOf)
  const lower = raw.map(lowerCase)
  const names: HeaderNames = { raw, lower, isShared: lower.map((name) => sharedNames.has(name)) }
  if (raw.length > LONGEST_LIST_KEPT) return names
  // Started again, so that invented names cannot keep out common ones.
  if (lists.length >= LISTS_KEPT) lists = []
  lists.push(names)
  return names
}

function areThese(names: readonly string[], rawHeaders: readonly string[]): boolean {
  if (names.length * 2 !== rawHeaders.length) return false
  for (let i = 0; i < names.length; i++) if (names[i] !== rawHeaders[2 * i]) return false
  return true
}

/** Returns a copy of a Latin-1 text, and any other text itself. The string of a header may be a slice of a whole request. */
export function copyOf(text: string): string {
  const copy = Buffer.from(text, 'latin1').toString('latin1')
  return copy === text ? copy : text
}
