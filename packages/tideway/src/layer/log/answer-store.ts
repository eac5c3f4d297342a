/** The result of `claim`. */
export type Claim =
  /** The key had no claim and no answer, or the claim of the same owner. The caller handles the request. */
  | { readonly status: 'claimed'; readonly answer?: undefined }
  /** Another owner handles the request now, or did until its process was killed: its claim expires. */
  | { readonly status: 'taken'; readonly answer?: undefined }
  /** The request was handled, with this answer. */
  | { readonly status: 'answered'; readonly answer: string }

/**
 * The answers to requests of clients, by key, so that a repeated request is handled once: part of an {@link EventLog}. All processes
 * share it. A key is any text. A store in memory returns its results without a promise.
 */
export interface AnswerStore {
  /**
   * Claims the key for the owner, or extends its claim, for `ttlMs` milliseconds. One of several concurrent owners has the claim.
   * @param owner 1 to 64 characters, unique for each request that runs
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the outcome is unknown
   */
  claim(key: string, owner: string, ttlMs: number): Claim | Promise<Claim>

  /**
   * Replaces the claim of the key by the answer, for `ttlMs` milliseconds.
   * @throws TidewayError `ERR_LAYER_UNAVAILABLE` if the outcome is unknown
   */
  answer(key: string, answer: string, ttlMs: number): void | Promise<void>
}
