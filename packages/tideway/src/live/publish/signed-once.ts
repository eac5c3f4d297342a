import type { KeptGroups } from '../../layer/log/kept-groups.ts'
import { ClaimRenewals } from '../claim-renewals.ts'
import { RequestClaim } from '../request-claim.ts'
import { Refusal, RETRY_SECONDS } from './refusal.ts'
import type { Reply } from './reply.ts'

/** Tells signatures apart from the ids of requests of clients. */
const SCOPE = 'publishApi'

/**
 * Runs each signed request once on all processes: a repeated one gets the answer of the first one. A copied request therefore publishes
 * nothing a second time while its signature is valid.
 */
export class SignedOnce {
  readonly #groups: KeptGroups
  readonly #renewals = new ClaimRenewals()

  constructor(groups: KeptGroups) {
    this.#groups = groups
  }

  /** @throws Refusal `in_progress` while the first request runs; TidewayError `ERR_LAYER_UNAVAILABLE` */
  async run(signature: string, publish: () => Promise<Reply>): Promise<Reply> {
    const claim = new RequestClaim(this.#groups, SCOPE, signature)
    const { status, answer } = await claim.take()
    if (status === 'answered') return repeated(answer)
    if (status === 'taken') {
      throw new Refusal('in_progress', 'A request with this signature is being handled.', RETRY_SECONDS)
    }
    this.#renewals.add(claim)
    let answered: string | undefined
    try {
      const reply = await publish()
      // A request that has published nothing may be repeated as it is, such as after an outage.
      if (reply.refused < reply.items) answered = JSON.stringify(reply)
      return reply
    } finally {
      this.#renewals.delete(claim)
      await claim.keep(answered)
    }
  }
}

/** Answers that are too large are stored as an error of another form. */
function repeated(answer: string): Reply {
  const reply = JSON.parse(answer) as Partial<Reply>
  if (typeof reply.status === 'number') return reply as Reply
  throw new Refusal('conflict', 'The request was handled before, and its answer was too large to be repeated.')
}
