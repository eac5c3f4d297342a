import { TidewayError } from 'tideway/layer/kit'

/** Creates the error of a call whose Redis cannot be reached or does not reply. */
export function unavailable(label: string, what: string, cause?: unknown): TidewayError {
  const reason = cause instanceof Error && cause.message !== '' ? ` (${cause.message})` : ''
  return new TidewayError('ERR_LAYER_UNAVAILABLE', `Redis at ${label} ${what}${reason}.`, { cause })
}

/**
 * Removes the arguments of the command from the error. ioredis attaches them to reply errors, and each log of the error
 * would contain the password of AUTH and the content of messages.
 */
export function withoutArguments<Failure>(error: Failure): Failure {
  const failure = error as { command?: { name?: unknown } } | null | undefined
  if (typeof failure?.command === 'object') failure.command = { name: failure.command.name }
  return error
}

/** Whether the error is an error reply of Redis. */
export function isReply(error: unknown): error is Error {
  return error instanceof Error && error.name === 'ReplyError'
}

/** Whether Redis forbids the command to the user or does not have it. */
export function isForbidden(error: unknown): boolean {
  return error instanceof Error && /^(NOPERM|ERR unknown (sub)?command)/i.test(error.message)
}

/** Creates the error of a command: an error reply, or a failed connection. */
export function commandError(label: string, error: unknown): TidewayError {
  const cause = withoutArguments(error)
  return unavailable(label, isReply(cause) ? 'refuses a command' : 'was lost, or did not answer in time', cause)
}

/** Returns the error reply in a {@link commandError}, or an empty string if the connection failed. */
export function replyOf(error: unknown): string {
  return error instanceof TidewayError && isReply(error.cause) ? error.cause.message : ''
}

/**
 * Returns why no retry of the first connect can succeed, or `undefined` if a retry may: the server or the name server may
 * not be up yet, or another container may register the host name when it starts.
 */
export function fatalReason(error: Error & { code?: string }): string | undefined {
  const { message, code = '' } = error
  if (/^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH|ERR Client sent AUTH)/.test(message)) {
    return 'refuses the user name or password: check hosts'
  }
  if (message.startsWith('NOPERM')) return 'does not permit what a channel layer needs: check the ACL of the user'
  if (isForbidden(error)) return 'does not have a command that a channel layer needs'
  if (/^(ERR invalid DB index|ERR DB index|ERR SELECT)/.test(message)) return 'does not have the database: check db'
  if (/^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code)) {
    return 'fails the TLS handshake: check its certificate, and whether the URL needs redis: or rediss:'
  }
  return error instanceof UnusableRedisError ? message : undefined
}

/** The facts about a failed first connect. */
export interface ConnectAttempt {
  readonly error: (Error & { readonly code?: string }) | undefined
  readonly usesTls: boolean
  /** Whether a server accepted the TCP connection. */
  readonly isAccepted: boolean
}

/** Returns why a Redis was never reached, as a predicate for the subject "Redis at …". */
export function unreachableReason({ error, usesTls, isAccepted }: ConnectAttempt): string {
  const code = error?.code
  if (code === 'ENOTFOUND') return 'cannot be reached: its host name does not exist'
  const isRefused = code !== undefined && !['ECONNRESET', 'ETIMEDOUT', 'EPROTO', 'EPIPE'].includes(code)
  if (isRefused || error?.name === 'TidewayError') return 'cannot be reached'
  // A Redis without TLS never replies to a TLS handshake, and a Redis with TLS closes plain connections.
  if (usesTls) return 'cannot be reached with TLS: check the port, and write redis: if it does not use TLS'
  if (isAccepted) return 'does not answer as a Redis does: check the port, and write rediss: if it uses TLS'
  return 'cannot be reached'
}

/** The error of a Redis that replies but cannot be used, for example because it is too old. */
export class UnusableRedisError extends Error {}
