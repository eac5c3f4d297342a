import { answeredWithin, isAllowed, type Authorization } from './authorization.ts'
import { wireNameOf, type LiveGroup } from './live-settings.ts'
import { RequestError } from './request.ts'

/** The connection of memberships. */
export interface MembershipHost {
  /** Time limit of `authorize()`. */
  readonly timeoutMs: number
  authorize(group: LiveGroup): Authorization | PromiseLike<Authorization>
  /** The hook has failed. */
  report(group: LiveGroup, error: unknown): void
}

/** Whether a client without joins may join groups. Asks once for each group. */
export class Memberships {
  readonly #host: MembershipHost
  readonly #answers = new Map<string, Promise<boolean>>()

  constructor(host: MembershipHost) {
    this.#host = host
  }

  /** @throws RequestError `unavailable` if `authorize()` throws or takes too long */
  mayJoin(group: LiveGroup): Promise<boolean> {
    const wireName = wireNameOf(group)
    let answer = this.#answers.get(wireName)
    if (answer === undefined) this.#answers.set(wireName, (answer = this.#ask(group, wireName)))
    return answer
  }

  async #ask(group: LiveGroup, wireName: string): Promise<boolean> {
    const host = this.#host
    try {
      return isAllowed(await answeredWithin('authorize()', host.authorize(group), host.timeoutMs))
    } catch (error) {
      host.report(group, error)
      throw new RequestError('unavailable', `The group ${wireName} is not available now.`)
    }
  }
}
