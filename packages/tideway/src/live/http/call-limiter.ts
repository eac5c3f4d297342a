import { clientNetwork } from '../../asgi/ip-address.ts'
import { RecentMap } from '../../errors/recent-map.ts'
import { TokenBucket } from '../../errors/token-bucket.ts'
import type { ResolvedHttpOptions } from './http-options.ts'
import type { ClientOfCall } from './over-http.ts'

/** At least so many users have a bucket. One that was not active for longer begins again with a full bucket. */
const MIN_BUCKETS = 10_000

/** Limits the calls over HTTP of each user of a class, and of each address without a user. */
export class CallLimiter {
  readonly #options: ResolvedHttpOptions
  readonly #buckets = new RecentMap<string, TokenBucket>(MIN_BUCKETS)

  constructor(options: ResolvedHttpOptions) {
    this.#options = options
  }

  /** Whether the client may make the call. */
  take(client: ClientOfCall): boolean {
    const { callsPerSecond, callBurst } = this.#options
    const key = keyOf(client)
    const bucket = this.#buckets.get(key) ?? new TokenBucket(callsPerSecond, callBurst)
    this.#buckets.set(key, bucket)
    return bucket.take(1)
  }
}

function keyOf({ user, client }: ClientOfCall): string {
  if (user?.isAuthenticated === true) return `user:${String(user.id)}`
  return `address:${client === undefined ? '' : clientNetwork(client.host)}`
}
