import { readFileSync } from 'node:fs'

/** A step of a vector: see `docs/spec/live.md`. */
export type Step =
  | { readonly client: unknown }
  | { readonly clientText: string }
  | { readonly clientBytes: string }
  | { readonly server: unknown }
  | { readonly publish: PublishedEvent; readonly times?: number }
  | { readonly set: { readonly g: string; readonly k: string; readonly d: number; readonly ttl?: number } }
  | { readonly delete: { readonly g: string; readonly k: string } }
  | { readonly append: { readonly g: string; readonly body: string } }
  | { readonly disconnect: true }
  | { readonly remove: string }
  | { readonly release: string }
  | { readonly flush: true }
  | { readonly drain: true }
  | { readonly close: { readonly code: number; readonly reason: string } }
  | { readonly refused: number }

interface PublishedEvent {
  readonly g: string
  readonly e: string
  readonly d?: unknown
  readonly id?: string
}

/** The bounds of `docs/spec/live.md` that a vector needs. */
export interface Bounds {
  readonly groups?: number
  readonly joinsAtOnce?: number
  readonly joinsPerSecond?: number
  readonly requests?: number
  readonly helloMs?: number
}

/** One vector of `docs/spec/live-vectors.json`. */
export interface Vector {
  readonly name: string
  /** Which side the vector is for. @default both */
  readonly for?: 'server' | 'client'
  readonly bounds?: Bounds
  readonly subprotocols?: readonly string[]
  readonly steps: readonly Step[]
}

const file = new URL('../../../../docs/spec/live-vectors.json', import.meta.url)

/** The vectors of the specification. */
export const vectors: readonly Vector[] = (
  JSON.parse(readFileSync(file, 'utf8')) as { readonly vectors: readonly Vector[] }
).vectors

/** Compares values with those of a vector: `*` is any value, and `$E` in a position is an epoch, the same in the whole vector. */
export class Matcher {
  readonly #epochs = new Map<string, string>()

  /** Whether the value is as in the vector. Sets the epochs that are new. */
  matches(expected: unknown, value: unknown): boolean {
    if (expected === '*') return value !== undefined
    if (typeof expected === 'string') return this.#matchesText(expected, value)
    if (typeof expected !== 'object' || expected === null) return expected === value
    if (typeof value !== 'object' || value === null || Array.isArray(value) !== Array.isArray(expected)) return false
    const keys = new Set([...Object.keys(expected), ...Object.keys(value)])
    return [...keys].every((key) =>
      this.matches((expected as Record<string, unknown>)[key], (value as Record<string, unknown>)[key]),
    )
  }

  /** A frame of the vector with the epochs that are known. */
  filled<Value>(value: Value): Value {
    const text = JSON.stringify(value).replace(/\$[A-Z](?=:\d+")/g, (name) => this.#epochs.get(name) ?? name)
    return JSON.parse(text) as Value
  }

  #matchesText(expected: string, value: unknown): boolean {
    const [, name, offset] = /^(\$[A-Z]):(\d+)$/.exec(expected) ?? []
    if (name === undefined) return expected === value
    const [, epoch, actual] = /^([\w-]{1,32}):(\d+)$/.exec(String(value)) ?? []
    if (epoch === undefined || actual !== offset) return false
    const known = this.#epochs.get(name)
    if (known !== undefined) return known === epoch
    if ([...this.#epochs.values()].includes(epoch)) return false
    this.#epochs.set(name, epoch)
    return true
  }
}
