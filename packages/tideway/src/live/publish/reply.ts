import { Refusal } from './refusal.ts'

/** A response without its headers. */
export interface Reply {
  readonly status: number
  readonly body: object
  /** The number of items of the request. */
  readonly items: number
  /** How many of them were refused. */
  readonly refused: number
  readonly retryAfterSeconds?: number | undefined
}

/** The reply to a request that is refused. */
export function replyOf({ status, code, message, retryAfterSeconds }: Refusal): Reply {
  return { status, body: { error: { status, code, message } }, items: 1, refused: 1, retryAfterSeconds }
}

/** The reply to a request with one item. @param result the result of the item, or its refusal */
export function singleReply(result: object): Reply {
  return result instanceof Refusal ? replyOf(result) : { status: 200, body: result, items: 1, refused: 0 }
}

/** The reply to a batch, with the result or the refusal of each item. */
export function batchReply(results: readonly object[]): Reply {
  const refused = results.filter((result): result is Refusal => result instanceof Refusal)
  return {
    // 207 Multi-Status (RFC 4918 §11.1): the status of each item is in the body.
    status: refused.length === 0 ? 200 : 207,
    body: { results: results.map((result) => (result instanceof Refusal ? replyOf(result).body : result)) },
    items: results.length,
    refused: refused.length,
    retryAfterSeconds: refused.find(({ retryAfterSeconds }) => retryAfterSeconds !== undefined)?.retryAfterSeconds,
  }
}
