import { TidewayError } from '../errors/tideway-error.ts'
import { copyOf, lowerCase, namesIn } from './header-names.ts'

/** Headers of an application: pairs (order and duplicates kept) or a record. */
export type HeadersInit = Iterable<readonly [name: string, value: string]> | Readonly<Record<string, string>>

/** The values of headers that many clients share: about 500 bytes per browser, which otherwise each connection keeps. */
const sharedValues = new Map<string, string>()
const VALUES_KEPT = 256
const LONGEST_VALUE_KEPT = 512

function sharedValue(value: string): string {
  const known = sharedValues.get(value)
  if (known !== undefined) return known
  if (value.length > LONGEST_VALUE_KEPT) return value
  // Cleared, so that invented values cannot keep out common ones.
  if (sharedValues.size >= VALUES_KEPT) sharedValues.clear()
  const copy = copyOf(value)
  sharedValues.set(copy, copy)
  return copy
}

/**
 * The headers of a request: names in lower case, order and duplicates kept, values as they came (each byte one
 * character, Latin-1). Immutable. Iterates `[name, value]` pairs.
 */
export class HeaderList implements Iterable<readonly [name: string, value: string]> {
  readonly #names: readonly string[]
  readonly #values: readonly string[]

  private constructor(names: readonly string[], values: readonly string[]) {
    this.#names = names
    this.#values = values
  }

  /** From pairs or a record. */
  static from(headers: HeadersInit): HeaderList {
    if (headers instanceof HeaderList) return headers
    const names: string[] = []
    const values: string[] = []
    for (const [name, value] of entriesOf(headers)) {
      names.push(lowerCase(name))
      values.push(value)
    }
    return new HeaderList(names, values)
  }

  /** From Node's `IncomingMessage.rawHeaders`: name, value, name, value, … */
  static fromRaw(rawHeaders: readonly string[]): HeaderList {
    const { lower, isShared } = namesIn(rawHeaders)
    // A copy has the exact size. The first push to an empty array reserves 17 elements.
    const values = lower.slice()
    for (let i = 0; i < values.length; i++) {
      const value = rawHeaders[2 * i + 1]!
      values[i] = isShared[i] === true ? sharedValue(value) : value
    }
    return new HeaderList(lower, values)
  }

  /** The number of headers, including duplicates. */
  get size(): number {
    return this.#names.length
  }

  /** The first value of the header, or `undefined`. The name may be in any case. */
  get(name: string): string | undefined {
    const at = this.#names.indexOf(name.toLowerCase())
    return at === -1 ? undefined : this.#values[at]
  }

  /** The number of values of the header. */
  count(name: string): number {
    const wanted = name.toLowerCase()
    let count = 0
    for (let i = 0; i < this.#names.length; i++) if (this.#names[i] === wanted) count++
    return count
  }

  /** Every value of the header, in order. */
  getAll(name: string): string[] {
    const wanted = name.toLowerCase()
    let values: string[] | undefined
    for (let i = 0; i < this.#names.length; i++) {
      if (this.#names[i] !== wanted) continue
      // The first push to an empty array reserves 17 elements.
      if (values === undefined) values = [this.#values[i]!]
      else values.push(this.#values[i]!)
    }
    return values ?? []
  }

  /** Whether there is a header of that name, in any case. */
  has(name: string): boolean {
    return this.get(name) !== undefined
  }

  /** Every header in its order, duplicates included. */
  *[Symbol.iterator](): Generator<readonly [name: string, value: string], undefined> {
    for (let i = 0; i < this.#names.length; i++) yield [this.#names[i]!, this.#values[i]!]
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
