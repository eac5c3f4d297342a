/** A code of the publish API. */
export type RefusalCode =
  | 'bad_json'
  | 'bad_item'
  | 'bad_event'
  | 'unauthorized'
  | 'forbidden'
  | 'unknown_group'
  | 'method_not_allowed'
  | 'conflict'
  | 'group_full'
  | 'in_progress'
  | 'too_large'
  | 'unsupported_media_type'
  | 'rate_limited'
  | 'failed'
  | 'unavailable'

/** The status of each code. */
export const refusalStatus: Readonly<Record<RefusalCode, number>> = Object.freeze({
  bad_json: 400,
  bad_item: 400,
  bad_event: 400,
  unauthorized: 401,
  forbidden: 403,
  unknown_group: 404,
  method_not_allowed: 405,
  conflict: 409,
  group_full: 409,
  in_progress: 409,
  too_large: 413,
  unsupported_media_type: 415,
  rate_limited: 429,
  failed: 500,
  unavailable: 503,
})

/** The most characters of a message: the issues of a schema may be long, and answers of signed requests are stored. */
const MAX_MESSAGE_LENGTH = 400

/** A request, or an item of it, that the publish API refuses. */
export class Refusal extends Error {
  override readonly name = 'Refusal'
  readonly code: RefusalCode
  /** When the client may try again. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: RefusalCode, message: string, retryAfterSeconds?: number) {
    super(message.length <= MAX_MESSAGE_LENGTH ? message : `${message.slice(0, MAX_MESSAGE_LENGTH)}…`)
    this.code = code
    this.retryAfterSeconds = retryAfterSeconds
  }

  get status(): number {
    return refusalStatus[this.code]
  }
}

/** Returns the refusal for a value that was thrown; `undefined` for an unknown error. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof Refusal) return error
  const { code, message } = (error ?? {}) as { readonly code?: unknown; readonly message?: string }
  const refusal = typeof code === 'string' && Object.hasOwn(refusals, code) ? refusals[code] : undefined
  if (refusal === undefined) return undefined
  return new Refusal(refusal, message ?? '', refusal === 'unavailable' ? RETRY_SECONDS : undefined)
}

/** How soon a client tries again after an outage. */
export const RETRY_SECONDS = 1

/** By the code of a TidewayError. */
const refusals: Readonly<Record<string, RefusalCode>> = {
  ERR_BAD_EVENT: 'bad_event',
  ERR_BAD_MESSAGE: 'bad_event',
  ERR_BAD_NAME: 'bad_item',
  ERR_BAD_OPTION: 'bad_item',
  ERR_BAD_POSITION: 'bad_item',
  ERR_GROUP_FULL: 'group_full',
  ERR_MESSAGE_TOO_LARGE: 'too_large',
  ERR_LAYER_UNAVAILABLE: 'unavailable',
  ERR_LAYER_CLOSED: 'unavailable',
}
