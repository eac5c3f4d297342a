import { clientNetwork } from '../../asgi/ip-address.ts'
import { TokenBucket } from '../../errors/token-bucket.ts'
import type { ResolvedHttpOptions } from './http-options.ts'
import type { ClientOfCall } from './over-http.ts'

/** The most users whose calls are counted. Those that were not active for the longest time begin again with a full bucket. */
const MAX_KEPT = 10_000

/** Limits the calls over HTTP of each user of a class, and of each address without a user. */
export class CallLimiter {
  readonly #options: ResolvedHttpOptions
  /** The last one is the one that was active last. */
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(options: ResolvedHttpOptions) {
    this.#options = options
  }

  /** Whether the client may make the call. */
  take(client: ClientOfCall): boolean {
    const { callsPerSecond, callBurst } = this.#options
    const key = keyOf(client)
    const bucket = this.#buckets.get(key) ?? new TokenBucket(callsPerSecond, callBurst)
    this.#buckets.delete(key)
    this.#buckets.set(key, bucket)
    if (this.#buckets.size > MAX_KEPT) this.#buckets.delete(this.#buckets.keys().next().value!)
    return bucket.take(1)
  }
}

function keyOf({ user, client }: ClientOfCall): string {
  if (user?.isAuthenticated === true) return `user:${String(user.id)}`
  return `address:${client === undefined ? '' : clientNetwork(client.host)}`
}
