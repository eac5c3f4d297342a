import { CLAIM_TTL_MS } from '../layer/log/kept-groups-options.ts'
import type { RequestClaim } from './request-claim.ts'

/** Extends the claims of the requests that run, with one timer: a timer for each request costs more than the request. */
export class ClaimRenewals {
  readonly #claims = new Set<RequestClaim>()
  #timer: NodeJS.Timeout | undefined

  add(claim: RequestClaim): void {
    this.#claims.add(claim)
    this.#timer ??= setInterval(() => this.#renew(), CLAIM_TTL_MS / 3).unref()
  }

  delete(claim: RequestClaim): void {
    this.#claims.delete(claim)
  }

  #renew(): void {
    for (const claim of this.#claims) claim.renew()
    if (this.#claims.size > 0) return
    clearInterval(this.#timer)
    this.#timer = undefined
  }
}
