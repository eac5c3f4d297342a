import { TidewayError } from 'tideway/layer/kit'

/** The error of a call that needs a Redis which cannot be reached, or does not answer. */
export function unavailable(label: string, what: string, cause?: unknown): TidewayError {
  const reason = cause instanceof Error && cause.message !== '' ? ` (${cause.message})` : ''
  return new TidewayError('ERR_LAYER_UNAVAILABLE', `Redis at ${label} ${what}${reason}.`, { cause })
}

/**
 * The error without the arguments of its command. ioredis leaves them on the errors of replies: the password of AUTH and
 * the content of messages, which every log of the error would show.
 */
export function withoutArguments<Failure>(error: Failure): Failure {
  const failure = error as { command?: { name?: unknown } } | null | undefined
  if (typeof failure?.command === 'object') failure.command = { name: failure.command.name }
  return error
}

/** Whether Redis itself answered with an error. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Whether Redis does not permit the command to the user, or has had it removed. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && /^(NOPERM|ERR unknown (sub)?command)/i.test(error.message)
}

/** The error of a command: Redis answered with one, or the connection failed. */
export function commandError(label: string, error: unknown): TidewayError {
  const cause = withoutArguments(error)
  return unavailable(label, isReply(cause) ? 'refuses a command' : 'was lost, or did not answer in time', cause)
}

/** The text of the reply that a {@link commandError} is for; empty if the connection failed. */
export function replyOf(error: unknown): string {
  return error instanceof TidewayError && isReply(error.cause) ? error.cause.message : ''
}

/**
 * Why a first connect will not succeed however often it is tried, or `undefined` where another attempt can help: a server that
 * is not up yet, a name server that is not, a name that another container brings along when it starts.
 */
export function fatalReason(error: Error & { code?: string }): string | undefined {
  const { message, code = '' } = error
  if (/^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH|ERR Client sent AUTH)/.test(message)) {
    return 'refuses the user name or password: check hosts'
  }
  if (message.startsWith('NOPERM')) return 'does not permit what a channel layer needs: check the ACL of the user'
  if (isForbidden(error)) return 'has had a command removed that a channel layer needs'
  if (/^(ERR invalid DB index|ERR DB index|ERR SELECT)/.test(message)) return 'does not have the database: check db'
  if (/^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code)) {
    return 'cannot be spoken to with TLS: check its certificate, and rediss: against redis:'
  }
  return error instanceof UnusableRedisError ? message : undefined
}

/** What is known of a first connect that did not succeed. */
export interface ConnectAttempt {
  readonly error: (Error & { readonly code?: string }) | undefined
  readonly usesTls: boolean
  /** Whether something accepted the connection. */
  readonly isAccepted: boolean
}

/** What is wrong with a Redis that was never reached: a sentence without its subject. */
export function unreachableReason({ error, usesTls, isAccepted }: ConnectAttempt): string {
  const code = error?.code
  if (code === 'ENOTFOUND') return 'cannot be reached: its host name does not exist'
  const isRefused = code !== undefined && !['ECONNRESET', 'ETIMEDOUT', 'EPROTO', 'EPIPE'].includes(code)
  if (isRefused || error?.name === 'TidewayError') return 'cannot be reached'
  // A Redis without TLS never answers the first message of TLS, and one with TLS hangs up on anything else.
  if (usesTls) return 'cannot be reached with TLS: check the port, and write redis: if it does not use TLS'
  if (isAccepted) return 'does not answer as a Redis does: check the port, and write rediss: if it uses TLS'
  return 'cannot be reached'
}

/** A Redis that answers but cannot be used: too old, or not what it was taken for. */
export class UnusableRedisError extends Error {}
