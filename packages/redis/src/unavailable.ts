import { TidewayError } from 'tideway/layer'

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

/**
 * Why a first connect will not succeed however often it is tried, or `undefined` where trying again can help: a server
 * that is not up yet, a name server that is not.
 */
export function fatalReason(error: Error & { code?: string }): string | undefined {
  const { message, code = '' } = error
  if (code === 'ENOTFOUND') return 'has a host name that does not exist: check hosts'
  if (/^(WRONGPASS|NOAUTH|ERR invalid password|ERR AUTH|ERR Client sent AUTH)/.test(message)) {
    return 'refuses the user name or password: check hosts'
  }
  if (message.startsWith('NOPERM')) return 'does not permit what a channel layer needs: check the ACL of the user'
  if (/^(ERR invalid DB index|ERR DB index|ERR SELECT)/.test(message)) return 'does not have the database: check db'
  if (/^(CERT_|ERR_TLS|ERR_SSL|DEPTH_ZERO|SELF_SIGNED|UNABLE_TO_)/.test(code)) {
    return 'cannot be spoken to with TLS: check its certificate, and rediss: against redis:'
  }
  return error instanceof UnusableRedisError ? message : undefined
}

/** A Redis that answers but cannot be used: too old, or not what it was taken for. */
export class UnusableRedisError extends Error {}
