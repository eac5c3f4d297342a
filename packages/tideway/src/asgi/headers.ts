import { TidewayError } from '../errors/tideway-error.ts'

/** Headers of an application: pairs (order and duplicates kept) or a record. */
export type HeadersInit = Iterable<readonly [name: string, value: string]> | Readonly<Record<string, string>>

/** The lower-cased names of headers, shared by all connections. */
const lowerCased = new Map<string, string>()
const LOWER_CASED_NAMES_KEPT = 256

function lowerCase(name: string): string {
  const known = lowerCased.get(name)
  if (known !== undefined) return known
  const lower = name.toLowerCase()
  if (lowerCased.size < LOWER_CASED_NAMES_KEPT) lowerCased.set(name, lower)
  return lower
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
/** The values of {@link sharedNames}: about 500 bytes per browser, which otherwise each connection keeps. */
const sharedValues = new Map<string, string>()
const VALUES_KEPT = 256
const LONGEST_VALUE_KEPT = 512

/** Whether lists of headers share one string for a value of this length. The name is in lower case. */
export function hasSharedValue(name: string, length: number): boolean {
  return length <= LONGEST_VALUE_KEPT && sharedNames.has(name)
}

function sharedValue(value: string): string {
  const known = sharedValues.get(value)
  if (known !== undefined) return known
  if (value.length > LONGEST_VALUE_KEPT) return value
  // Cleared, so that invented values cannot keep out common ones.
  if (sharedValues.size >= VALUES_KEPT) sharedValues.clear()
  // A copy: the string itself may be a slice of a whole request.
  const copy = Buffer.from(value, 'latin1').toString('latin1')
  sharedValues.set(copy, copy)
  return copy
}

/**
 * The headers of a request: names in lower case, order and duplicates kept, values as they came (each byte one
 * character, Latin-1). Immutable. Iterates `[name, value]` pairs.
 */
export class HeaderList implements Iterable<readonly [name: string, value: string]> {
  /** Name, value, name, value, …: one array per connection instead of one per header. */
  readonly #flat: readonly string[]

  private constructor(flat: readonly string[]) {
    this.#flat = flat
  }

  /** From pairs or a record. */
  static from(headers: HeadersInit): HeaderList {
    if (headers instanceof HeaderList) return headers
    const flat: string[] = []
    for (const [name, value] of entriesOf(headers)) flat.push(lowerCase(name), value)
    return new HeaderList(flat)
  }

  /** From Node's `IncomingMessage.rawHeaders`: name, value, name, value, … */
  static fromRaw(rawHeaders: readonly string[]): HeaderList {
    const flat = rawHeaders.slice()
    for (let i = 0; i < flat.length; i += 2) {
      const name = lowerCase(flat[i]!)
      flat[i] = name
      if (sharedNames.has(name)) flat[i + 1] = sharedValue(flat[i + 1]!)
    }
    return new HeaderList(flat)
  }

  /** The number of headers, including duplicates. */
  get size(): number {
    return this.#flat.length / 2
  }

  /** The first value of the header, or `undefined`. The name may be in any case. */
  get(name: string): string | undefined {
    const wanted = name.toLowerCase()
    for (let i = 0; i < this.#flat.length; i += 2) {
      if (this.#flat[i] === wanted) return this.#flat[i + 1]
    }
    return undefined
  }

  /** The number of values of the header. */
  count(name: string): number {
    const wanted = name.toLowerCase()
    let count = 0
    for (let i = 0; i < this.#flat.length; i += 2) if (this.#flat[i] === wanted) count++
    return count
  }

  /** Every value of the header, in order. */
  getAll(name: string): string[] {
    const wanted = name.toLowerCase()
    let values: string[] | undefined
    for (let i = 0; i < this.#flat.length; i += 2) {
      if (this.#flat[i] !== wanted) continue
      // The first push to an empty array reserves 17 elements.
      if (values === undefined) values = [this.#flat[i + 1]!]
      else values.push(this.#flat[i + 1]!)
    }
    return values ?? []
  }

  /** Whether there is a header of that name, in any case. */
  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** Every header in its order, duplicates included. */
  *[Symbol.iterator](): Generator<readonly [name: string, value: string], undefined> {
    for (let i = 0; i < this.#flat.length; i += 2) yield [this.#flat[i]!, this.#flat[i + 1]!]
  }
}

/** The pairs of headers given in either form. @throws TidewayError `ERR_BAD_EVENT` if the value is not an object */
export function entriesOf(headers: HeadersInit): Iterable<readonly [name: string, value: string]> {
  if (typeof headers !== 'object' || headers === null) {
    throw new TidewayError('ERR_BAD_EVENT', 'Headers are pairs of a name and a value, or an object of them.')
  }
  return isIterable(headers) ? headers : Object.entries(headers)
}

function isIterable(headers: HeadersInit): headers is Iterable<readonly [name: string, value: string]> {
  return Symbol.iterator in headers
}
