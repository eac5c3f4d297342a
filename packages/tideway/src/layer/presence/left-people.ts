import type { Clock } from '../log/clock.ts'
import type { KeepLeftOptions, LeftPerson, PresenceStore } from './presence-store.ts'

/** A person in a group. */
export interface Person<Meta = unknown> {
  readonly key: string
  readonly meta: Meta
}

/**
 * Is called when the last member of a person has left a group. If it throws or rejects, it is called again.
 * @param id names this end of the presence: the same in each call for it
 */
export type LeftListener = (person: Person, group: string, id: string) => unknown

/** How long a person who has left waits for a listener that throws or rejects, in milliseconds: 24 hours. */
export const LEFT_TTL_MS = 86_400_000

/** The most people who wait in this process for its listeners. More wait in the store, until the process has ended. */
export const MAX_WAITING_LEFT = 10_000

/** What {@link LeftPeople} needs. */
export interface LeftContext {
  readonly store: PresenceStore
  readonly clock: Clock
  failed(group: string, error: unknown): void
  /** No person who has left the group waits any more. */
  settled(group: string): void
}

/** A person who has left, until all listeners have returned. */
interface Waiting {
  readonly id: string
  readonly process: string
  readonly left: LeftPerson
  readonly expiresAt: number
  readonly listeners: Set<LeftListener>
  isCalling: boolean
}

/**
 * Calls the listeners for people who have left, and tells the store when they have returned. Until then the store keeps the people, so
 * that another process calls its listeners if this one ends: each listener is called at least once, and once if nothing fails.
 */
export class LeftPeople {
  readonly #context: LeftContext
  readonly #listeners = new Set<LeftListener>()
  /** By group and id. */
  readonly #waiting = new Map<string, Map<string, Waiting>>()
  #count = 0
  #total = 0

  constructor(context: LeftContext) {
    this.#context = context
  }

  /** Without a listener, the store keeps nothing. */
  get keepOptions(): KeepLeftOptions {
    return { keepMs: this.#listeners.size === 0 ? 0 : LEFT_TTL_MS }
  }

  /** The number of people who have left. */
  get total(): number {
    return this.#total
  }

  /** Adds a listener, and returns a function that removes it. */
  listen(listener: LeftListener): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** The number of people who wait. */
  get count(): number {
    return this.#count
  }

  /** Whether people who have left the group wait. */
  isWaiting(group: string): boolean {
    return this.#waiting.has(group)
  }

  /** Calls the listeners. Resolves with whether all of them have returned and the store has forgotten the people. */
  async handle(group: string, process: string, people: readonly LeftPerson[]): Promise<boolean> {
    if (this.#listeners.size === 0) {
      this.#total += people.length
      return true
    }
    const waiting = people.flatMap((left) => this.#add(group, process, left) ?? [])
    const isSettled = await this.#call(group, process, waiting)
    return isSettled && waiting.length === people.length
  }

  /** Calls the listeners again that have thrown, and settles what could not be settled. */
  retry(): void {
    for (const [group, waiting] of this.#waiting) {
      for (const one of waiting.values()) void this.#call(group, one.process, [one])
    }
  }

  /** The process has lost this name: other processes call their listeners for what waits. */
  forget(process: string): void {
    for (const [group, waiting] of this.#waiting) {
      for (const one of waiting.values()) if (one.process === process) this.#remove(group, one)
    }
  }

  #add(group: string, process: string, left: LeftPerson): Waiting | undefined {
    const id = `${process}.${left.member}`
    const ofGroup = this.#waiting.get(group) ?? new Map<string, Waiting>()
    const known = ofGroup.get(id)
    if (known !== undefined || this.#count >= MAX_WAITING_LEFT) return known
    const expiresAt = this.#context.clock.now() + LEFT_TTL_MS
    const waiting = { id, process, left, expiresAt, listeners: new Set(this.#listeners), isCalling: false }
    this.#waiting.set(group, ofGroup.set(id, waiting))
    this.#count++
    this.#total++
    return waiting
  }

  async #call(group: string, process: string, people: readonly Waiting[]): Promise<boolean> {
    const idle = people.filter(({ isCalling }) => !isCalling)
    for (const one of idle) one.isCalling = true
    await Promise.all(idle.map((one) => this.#callFor(group, one)))
    const done = idle.filter(({ listeners }) => listeners.size === 0)
    try {
      if (done.length > 0) {
        const members = done.map(({ left }) => left.member)
        await this.#context.store.settle(group, process, members)
      }
      for (const one of done) this.#remove(group, one)
      return done.length === people.length
    } catch {
      // The next retry settles them.
      return false
    } finally {
      for (const one of idle) one.isCalling = false
    }
  }

  async #callFor(group: string, { id, left: { key, meta }, listeners, expiresAt }: Waiting): Promise<void> {
    const isLate = this.#context.clock.now() >= expiresAt
    const calls = Array.from(listeners, async (listener) => {
      try {
        if (this.#listeners.has(listener)) await listener({ key, meta: JSON.parse(meta) as unknown }, group, id)
        listeners.delete(listener)
      } catch (error) {
        this.#context.failed(group, error)
        if (isLate) listeners.delete(listener)
      }
    })
    await Promise.all(calls)
  }

  #remove(group: string, { id }: Waiting): void {
    const ofGroup = this.#waiting.get(group)
    if (ofGroup?.delete(id) !== true) return
    this.#count--
    if (ofGroup.size > 0) return
    this.#waiting.delete(group)
    this.#context.settled(group)
  }
}
