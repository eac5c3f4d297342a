import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import type { Claim } from '../layer/log/answer-store.ts'
import type { KeptGroups } from '../layer/log/kept-groups.ts'
import { MessageTooLargeError } from '../layer/errors.ts'
import { failureText } from './frames.ts'
import { RequestError } from './request.ts'

const processName = randomBytes(9).toString('base64url')
let claims = 0

const FIRST_PAUSE_MS = 50
const LONGEST_PAUSE_MS = 1000

/** Claims the id of a request on all processes: the first owner handles it, and the others get its answer. */
export class RequestClaim {
  readonly #groups: KeptGroups
  readonly #key: string
  /** A repeated request is another owner, also on the same process. */
  readonly #owner = `${processName}:${++claims}`

  /** @param scope tells the ids of different classes and users apart */
  constructor(groups: KeptGroups, scope: string, id: string) {
    this.#groups = groups
    this.#key = `${scope}\n${id}`
  }

  /** @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the outcome is unknown */
  take(): Claim | Promise<Claim> {
    return this.#groups.claim(this.#key, this.#owner)
  }

  /**
   * Waits until the first owner has answered, or no longer extends its claim.
   * @throws RequestError `unavailable` after `timeoutMs` milliseconds
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE`
   */
  async wait(signal: AbortSignal, timeoutMs: number): Promise<Claim> {
    const endsAt = performance.now() + timeoutMs
    for (let pauseMs = FIRST_PAUSE_MS; performance.now() < endsAt; pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS)) {
      await pause(Math.min(pauseMs, timeoutMs), undefined, { signal, ref: false })
      const claim = await this.take()
      if (claim.status !== 'taken') return claim
    }
    throw new RequestError('unavailable', 'The first request with this id is not answered yet.')
  }

  /** Extends the claim. If it fails, the claim expires and a repeated request is handled again. */
  renew(): void {
    void this.#ignoringErrors(() => this.take())
  }

  /** Keeps the answer in place of the claim. An `undefined` answer gives the claim back. Never fails. */
  keep(answer: string | undefined): void | Promise<void> {
    return this.#ignoringErrors(() => this.#store(answer))
  }

  #ignoringErrors(call: () => unknown): void | Promise<void> {
    const ignore = (): void => {}
    try {
      const called = call()
      return called instanceof Promise ? called.then(ignore, ignore) : undefined
    } catch {
      return undefined
    }
  }

  #store(answer: string | undefined): void | Promise<void> {
    if (answer === undefined) return this.#groups.release(this.#key, this.#owner)
    try {
      return this.#groups.answer(this.#key, answer)
    } catch (error) {
      if (!(error instanceof MessageTooLargeError)) throw error
      const message = 'The request was handled, and its answer is too large to be repeated.'
      return this.#groups.answer(this.#key, failureText('too_large', message))
    }
  }
}
