import type { AnswerStore, Claim } from './answer-store.ts'
import type { Clock } from './clock.ts'

/** The most claims and answers that a process keeps. It drops the oldest ones. */
export const MAX_ANSWERS = 10_000
/** The most characters of the answers that a process keeps. It drops the oldest ones. */
export const MAX_ANSWER_CHARACTERS: number = 16 * 1024 * 1024

interface Stored {
  /** `undefined` for a claim. */
  readonly answer: string | undefined
  readonly owner: string
  readonly expiresAt: number
}

/** The answers of one process, in its memory. */
export class MemoryAnswers implements AnswerStore {
  readonly #clock: Clock
  /** Oldest first. */
  readonly #stored = new Map<string, Stored>()
  #characters = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  claim(key: string, owner: string, ttlMs: number): Promise<Claim> {
    const now = this.#clock.now()
    const stored = this.#stored.get(key)
    if (stored !== undefined && stored.expiresAt > now) {
      if (stored.answer !== undefined) return Promise.resolve({ status: 'answered', answer: stored.answer })
      if (stored.owner !== owner) return Promise.resolve({ status: 'taken' })
    }
    this.#set(key, { answer: undefined, owner, expiresAt: now + ttlMs })
    return Promise.resolve({ status: 'claimed' })
  }

  answer(key: string, answer: string, ttlMs: number): Promise<void> {
    this.#set(key, { answer, owner: '', expiresAt: this.#clock.now() + ttlMs })
    return Promise.resolve()
  }

  clear(): void {
    this.#stored.clear()
    this.#characters = 0
  }

  #set(key: string, stored: Stored): void {
    this.#delete(key)
    this.#stored.set(key, stored)
    this.#characters += stored.answer?.length ?? 0
    const now = this.#clock.now()
    for (const [oldest, { expiresAt }] of this.#stored) {
      const isFull = this.#stored.size > MAX_ANSWERS || this.#characters > MAX_ANSWER_CHARACTERS
      if (oldest === key || (!isFull && expiresAt > now)) return
      this.#delete(oldest)
    }
  }

  #delete(key: string): void {
    this.#characters -= this.#stored.get(key)?.answer?.length ?? 0
    this.#stored.delete(key)
  }
}
