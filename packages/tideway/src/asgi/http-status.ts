import { TidewayError } from '../errors/tideway-error.ts'

/**
 * The HTTP status of an error that ends an unanswered request or handshake: the `status` of a `TidewayError` from 400 to 599.
 * `undefined` for any other error, because its `status` may come from a call to another server.
 */
export function httpStatusOf(error: unknown): number | undefined {
  if (!(error instanceof TidewayError)) return undefined
  const { status } = error as { readonly status?: unknown }
  if (typeof status !== 'number' || !Number.isInteger(status)) return undefined
  return status >= 400 && status <= 599 ? status : undefined
}
