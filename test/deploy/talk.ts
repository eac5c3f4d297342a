import { setTimeout as delay } from 'node:timers/promises'

import type { Browser, RoomClient } from './browser.ts'

const tabs = ['one', 'two', 'three', 'four'] as const
/**
 * The pause between two messages of one person. The chat refuses a repeated message while its row exists, and keeps 1,000 rows
 * per room. After a kill a repeated request waits up to 11 s, because the claim of the killed process lasts 10 s
 * (`CLAIM_TTL_MS`): four people must write less in this time.
 */
const PAUSE_MS = 60

/** Four people in a room who talk all the time, whatever happens to the processes that serve them. */
export class Talk {
  readonly #people: readonly RoomClient[]
  readonly #acknowledged: string[] = []
  readonly #over = new AbortController()
  #talking: Promise<unknown> = Promise.resolve()

  private constructor(people: readonly RoomClient[]) {
    this.#people = people
  }

  /** All four are in the room, and talk. */
  static async begin(browser: Browser, room: string): Promise<Talk> {
    const talk = new Talk(tabs.map((tab) => browser.enter(room, tab)))
    await Promise.all(tabs.map((tab, n) => talk.#say(n, `${tab} is here`)))
    talk.#talking = Promise.all(tabs.map((tab, n) => talk.#goOn(n, tab)))
    // Notifies pending waits.
    talk.#talking.catch(() => {})
    return talk
  }

  /** Each of the four is answered once more. */
  async isHeard(): Promise<void> {
    const from = this.#acknowledged.length
    const missing = new Set<string>(tabs)
    while (missing.size > 0) {
      await Promise.race([delay(PAUSE_MS), this.#talking])
      for (const text of this.#acknowledged.slice(from)) missing.delete(text.split(':')[0]!)
    }
  }

  /** What was acknowledged, and what each of the four has heard of it. */
  async end(): Promise<{ readonly acknowledged: string[]; readonly heard: string[][] }> {
    this.#over.abort()
    await this.#talking
    const acknowledged = this.#acknowledged.toSorted()
    // A missing message fails the test by its timeout, an additional message by its comparison.
    while (this.#people.some(({ texts }) => texts.length < acknowledged.length)) await delay(PAUSE_MS)
    return { acknowledged, heard: this.#people.map(({ texts }) => texts.toSorted()) }
  }

  close(): void {
    this.#over.abort()
    for (const page of this.#people) page.leave()
  }

  async #goOn(n: number, tab: string): Promise<void> {
    for (let i = 0; !this.#over.signal.aborted; i++) {
      await this.#say(n, `${tab}: ${i}`)
      await delay(PAUSE_MS)
    }
  }

  async #say(n: number, text: string): Promise<void> {
    await this.#people[n]!.say(text)
    this.#acknowledged.push(text)
  }
}
